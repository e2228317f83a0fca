"""The man pages say what the programs take, no more and no less."""
import configparser
import re
import subprocess

import pytest

from hsm import ROOT, STAGE
from test_cli import COMMANDS

MAN = ROOT / "docs" / "man"
INSTALLED = STAGE / "share" / "man"
ROFF_FONT = re.compile(r"\\f[RPBI]")


def plain(path):
    """Text without fonts and with plain hyphens."""
    return ROFF_FONT.sub("", path.read_text()).replace("\\-", "-").replace("\\e", "\\").replace('"', "")


def page(name):
    return plain(MAN / name)


def page_of(command):
    return INSTALLED / "man1" / f"holdfast-{command.replace(' ', '-')}.1"


def text_of(*words):
    return subprocess.run([STAGE / "bin" / words[0], *words[1:]], capture_output=True, text=True, check=True).stdout


def section(text, title):
    found = re.search(rf"^\.SH {title}\n(.*?)(?=^\.SH |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def options_of(text):
    return set(re.findall(r"--[a-z][a-z0-9-]*", text))


def listed_options(text):
    """Options that have an entry of their own: in help the rows, in a page the tags."""
    return set(re.findall(r"^  (--[a-z][a-z0-9-]*)", text, re.MULTILINE))


def tagged_options(text):
    return set(re.findall(r"^\.(?:B|BI|BR) (--[a-z][a-z0-9-]*)", text, re.MULTILINE))


# ---- holdfast ----


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_page(command):
    text, said = plain(page_of(command)), text_of("holdfast", *command.split(), "--help")
    assert text.startswith(f".TH HOLDFAST-{command.replace(' ', '-').upper()} 1 ")
    assert f"holdfast-{command.replace(' ', '-')} -\n" in section(text, "NAME")
    assert tagged_options(section(text, "OPTIONS")) == listed_options(said)
    used = options_of(re.sub(r"-- ?", "--", section(text, "SYNOPSIS").replace("[ ", "[")))
    assert used == listed_options(said)
    assert section(text, "EXIT STATUS") and section(text, "SEE ALSO")
    assert section(text, "EXAMPLES") or command == "version"
    assert set(re.findall(r"--[a-z][a-z0-9-]*", section(text, "DESCRIPTION"))) <= listed_options(said) | options_of(text_of("holdfast", "--help"))


def test_no_page_of_a_command_that_is_not_there():
    there = {p.name for p in (INSTALLED / "man1").glob("holdfast-*.1")}
    assert there == {page_of(c).name for c in COMMANDS}


def test_pages_link_to_pages_that_are_there():
    there = {p.name for p in INSTALLED.rglob("*.[1-8]")}
    for path in INSTALLED.rglob("*.[1-8]"):
        for name, number in re.findall(r"^\.BR ([\w.-]+) \((\d)\)", plain(path), re.MULTILINE):
            assert f"{name}.{number}" in there or name == "systemd", (path.name, name)


def test_the_overview_lists_every_command_and_every_shared_option():
    text = page("holdfast.1")
    commands = section(text, "COMMANDS")
    listed = [re.sub(r" [A-Z].*| bash\|.*", "", c).strip() for c in re.findall(r"^\.TP\n\.BI? (.*)", commands, re.MULTILINE)]
    assert listed == list(COMMANDS)
    assert tagged_options(section(text, "OPTIONS")) == listed_options(text_of("holdfast", "--help").split("Options of every command:")[1]) | {"--version"}
    variables = set(re.findall(r"HOLDFAST_[A-Z_]+", text_of("holdfast", "--help")))
    assert variables == set(re.findall(r"HOLDFAST_[A-Z_]+", section(text, "ENVIRONMENT")))


@pytest.mark.parametrize("command, program", [("init", ["init"]), ("token mint", ["mint"]), ("selftest", ["selftest"]), ("reseal", ["reseal"])] + [
    (f"file {verb}", ["file-tool", verb]) for verb in ("protect", "verify", "read", "write", "unprotect")])
def test_options_of_the_programs_behind_a_command(command, program):
    """holdfast passes the words on: its table must have what the program reads."""
    path = STAGE / "libexec" / "holdfast" / program[0]
    own = subprocess.run([path, *program[1:], "--help"], capture_output=True, text=True, check=True).stdout
    assert listed_options(own) - {"--output"} == listed_options(text_of("holdfast", *command.split(), "--help"))


# ---- the others ----


def test_pages_are_installed():
    for source in MAN.iterdir():
        assert (INSTALLED / f"man{source.suffix[1:]}" / source.name).read_bytes() == source.read_bytes()


def test_every_option_of_holdfastd():
    assert options_of(page("holdfastd.8")) == options_of(text_of("holdfastd", "--help"))


def test_every_option_of_the_configuration(tmp_path):
    done = subprocess.run([STAGE / "bin" / "holdfast", "init", "--data", tmp_path / "data", "--admin-key-out", tmp_path / "key"], capture_output=True)
    assert done.returncode == 0, done
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(tmp_path / "data" / "holdfast.conf")
    told = {}
    for title, body in re.findall(r"^\.SH \[(\w+)\]\n(.*?)(?=^\.SH )", page("holdfast.conf.5"), re.MULTILINE | re.DOTALL):
        told[title] = dict(re.findall(r"^\.TP\n\.B (\w+)\n(?:(?!\.TP).*\n)*?Default: (\S*)\.$", body, re.MULTILINE))
    assert {s: set(conf[s]) for s in conf.sections()} == {s: set(o) for s, o in told.items()}
    for section_name, options in told.items():
        for name, default in options.items():
            assert conf[section_name][name] == ("" if default == "empty" else default), (section_name, name)


def test_the_page_of_the_configuration_says_each_bound_and_choice_once(tmp_path):
    """As the file that init writes, whose comments come from the table that checks the values."""
    subprocess.run([STAGE / "bin" / "holdfast", "init", "--data", tmp_path / "data", "--admin-key-out", tmp_path / "key"], capture_output=True, check=True)
    written = re.findall(r"((?:^#.*\n)+)(\w+) =", (tmp_path / "data" / "holdfast.conf").read_text(), re.MULTILINE)
    entries = dict(re.findall(r"^\.TP\n\.B (\w+)\n((?:(?!\.TP|\.SH).*\n)*)", page("holdfast.conf.5"), re.MULTILINE))
    assert len(written) > 30
    for comment, name in written:
        bounds = re.findall(r"^# From (\d+) to (\d+)\.", comment, re.MULTILINE)
        assert re.findall(r"\bFrom (\d+) to (\d+)", entries[name]) == bounds, name
        assert entries[name].count("Default: ") == 1, name
    for name, words in {"tls_certificate": ["credential:NAME"], "tls_key": ["credential:NAME"], "client_ca": ["credential:NAME"],
                        "log_requests": ["none", "failures", "all"], "trusted_proxies": ["At most 64 entries"]}.items():
        assert all(word in entries[name] for word in words), name


def test_pages_are_well_formed():
    """mandoc says nothing at all, not even about style."""
    done = subprocess.run(["mandoc", "-Tlint", "-Wall", *sorted(INSTALLED.rglob("*.[1-8]"))], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout + done.stderr == "", done.stdout
