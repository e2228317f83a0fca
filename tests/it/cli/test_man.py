"""The man pages say what the programs take, no more and no less."""
import configparser
import re
import subprocess

import pytest

from hsm import ROOT, STAGE

MAN = ROOT / "docs" / "man"
ROFF_FONT = re.compile(r"\\f[RPBI]")


def page(name):
    """Text without fonts and with plain hyphens."""
    return ROFF_FONT.sub("", (MAN / name).read_text()).replace("\\-", "-").replace('"', "")


def text_of(*words):
    return subprocess.run([STAGE / "bin" / words[0], *words[1:]], capture_output=True, text=True, check=True).stdout


def options_of(text):
    return set(re.findall(r"--[a-z][a-z0-9-]*", text))


def test_every_command_and_option_of_holdfast():
    all_help = text_of("holdfast", "--help")
    known = options_of(all_help)
    for line in re.findall(r"^  ([a-z].*?)  ", all_help, re.MULTILINE):
        words = [w for w in line.split() if w.islower()]
        assert re.search(rf"\b{' '.join(words)}\b", page("holdfast.1")) or words[0] in ("seal", "unseal", "init"), words
        if words not in (["init"], ["token", "mint"]):
            known |= options_of(text_of("holdfast", *words, "--help"))
    passed_on = {"--key", "--ttl", "--actor", "--role", "--kid"}
    assert known - {"--version"} <= options_of(page("holdfast.1"))
    assert options_of(page("holdfast.1")) <= known | passed_on | {"--verify"}


def test_pages_are_installed():
    for source in MAN.iterdir():
        assert (STAGE / "share" / "man" / f"man{source.suffix[1:]}" / source.name).read_bytes() == source.read_bytes()


def test_every_option_of_holdfastd():
    assert options_of(page("holdfastd.8")) == options_of(text_of("holdfastd", "--help"))


def test_every_option_of_the_configuration(tmp_path):
    done = subprocess.run([STAGE / "bin" / "holdfast", "init", "--data", tmp_path / "data", "--admin-key-out", tmp_path / "key"], capture_output=True)
    assert done.returncode == 0, done
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(tmp_path / "data" / "holdfast.conf")
    told = {}
    for title, body in re.findall(r"^\.SH \[(\w+)\]\n(.*?)(?=^\.SH )", page("holdfast.conf.5"), re.MULTILINE | re.DOTALL):
        told[title] = dict(re.findall(r"^\.TP\n\.B (\w+)\n.*Default: (\S*)\.$", body, re.MULTILINE))
    assert {s: set(conf[s]) for s in conf.sections()} == {s: set(o) for s, o in told.items()}
    for section, options in told.items():
        for name, default in options.items():
            assert conf[section][name] == ("" if default == "empty" else default), (section, name)


@pytest.mark.parametrize("name", sorted(p.name for p in MAN.glob("*.[1-8]")))
def test_pages_are_well_formed(name):
    try:
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", MAN / name], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("groff is not installed")
    assert done.returncode == 0 and done.stderr == ""
