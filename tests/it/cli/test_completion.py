"""What bash, zsh and fish offer, asked of the shells themselves with the installed scripts."""
import os
import re
import subprocess

import pytest

from terminal import Terminal
from hsm import STAGE
from test_cli import COMMANDS

BIN, SHARE = STAGE / "bin", STAGE / "share"
SCRIPTS = {"bash": SHARE / "bash-completion" / "completions" / "holdfast", "zsh": SHARE / "zsh" / "site-functions" / "_holdfast",
           "fish": SHARE / "fish" / "vendor_completions.d" / "holdfast.fish"}

BASH = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
complete -p holdfast | grep -q -- '-F _holdfast' || exit 1
_holdfast
printf '%s\\n' "${COMPREPLY[@]}"
"""

# compadd is where every candidate passes in zsh; the widget runs in a shell that thinks it is at a terminal.
ZSH = r"""
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' list-colors ''
compadd() {
    local -a found
    builtin compadd -O found "$@" 2>/dev/null
    print -rl -- OFFER:${^found} >> $OFFERS
    builtin compadd "$@"
}
PS1='ready> '
bindkey '^I' complete-word
"""


def ask_bash(words, env):
    done = subprocess.run(["bash", "--norc", "-c", BASH, "-", SCRIPTS["bash"], *words], capture_output=True, text=True, env=env, check=True)
    return {w for w in done.stdout.split("\n") if w}


def ask_fish(words, env):
    line = " ".join(words)
    done = subprocess.run(["fish", "--no-config", "-c", f"source {SCRIPTS['fish']}; complete -C '{line}'"], capture_output=True, text=True,
                          env={**env, "XDG_CONFIG_HOME": env["HOME"], "XDG_DATA_HOME": env["HOME"]}, check=True)
    assert done.stderr == "", done.stderr
    return {w.split("\t")[0] for w in done.stdout.split("\n") if w}


class Zsh:
    """One interactive zsh on a terminal of its own."""

    def __init__(self, folder, env):
        self.offers = folder / "offers"
        self.offers.write_text("")
        (folder / ".zshrc").write_text(f"fpath=({SCRIPTS['zsh'].parent} $fpath)\n" + ZSH)
        env = {**env, "ZDOTDIR": str(folder), "OFFERS": str(self.offers), "TERM": "dumb", "COLUMNS": "200"}
        self.terminal = Terminal(["zsh", "-d", "-i"], env)
        self.terminal.read_until(b"ready> ")

    def ask(self, words):
        self.offers.write_text("")
        self.terminal.type(" ".join(words) + "\t\x15echo do''ne\n")  # ^U empties the line
        self.terminal.read_until(b"done\r\n.*ready> ")
        return {line[len("OFFER:"):] for line in self.offers.read_text().split("\n") if line.startswith("OFFER:") and line != "OFFER:"}

    def close(self):
        self.terminal.type("exit\n")
        assert self.terminal.end()[0] == 0


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def ask(request, env, tmp_path_factory):
    if request.param != "zsh":
        yield {"bash": lambda words: ask_bash(words, env), "fish": lambda words: ask_fish(words, env)}[request.param]
        return
    shell = Zsh(tmp_path_factory.mktemp("zsh"), env)
    yield shell.ask
    shell.close()


def names_of(text):
    return set(re.findall(r"^  (--[a-z][a-z0-9-]*)", text, re.MULTILINE))


def help_of(*words):
    return subprocess.run([BIN / "holdfast", *words, "--help"], capture_output=True, text=True, check=True).stdout


NOUNS = {c.split()[0] for c in COMMANDS}


def test_nouns(ask):
    assert ask(["holdfast", ""]) == NOUNS
    assert ask(["holdfast", "--output", "json", "k"]) == {"key", "keyset"}


@pytest.mark.parametrize("noun", sorted({c.split()[0] for c in COMMANDS if " " in c}))
def test_verbs(ask, noun):
    verbs = {c.split()[1] for c in COMMANDS if c.startswith(noun + " ")}
    if len(verbs) > 1:
        assert ask(["holdfast", noun, ""]) == verbs


def test_options_of_every_command(ask):
    shared = names_of(help_of().split("Options of every command:")[1])
    for command in COMMANDS:
        offered = {o.rstrip("=") for o in ask(["holdfast", *command.split(), "--"])}
        assert offered == names_of(help_of(*command.split())) | shared, command


@pytest.mark.parametrize("words, offered", [
    (("key", "create", "k", "--algorithm", "rsa"), {"rsa-2048", "rsa-3072"}),
    (("key", "list", "--state", "re"), {"revoked"}),
    (("sign", "k", "--hash", "sha"), {"sha256", "sha384", "sha512"}),
    (("sign", "k", "--scheme", "rsa-p"), {"rsa-pss", "rsa-pkcs1"}),
    (("key", "public", "k", "--format", ""), {"pem", "der", "jwk"}),
    (("--role", "a"), {"administrator", "auditor"}),
    (("token", "mint", "--role", "a"), {"administrator", "auditor"}),
    (("completion", ""), {"bash", "zsh", "fish"}),
    (("--output", ""), {"text", "json"}),
])
def test_values(ask, words, offered):
    assert ask(["holdfast", *words]) == offered


def test_files(ask, tmp_path):
    for name in ("app.tar", "app.sig", "other"):
        (tmp_path / name).write_text("x")
    offered = {o.rsplit("/", 1)[-1] for o in ask(["holdfast", "sign", "k", "--in", f"{tmp_path}/app."])}
    assert {"app.tar", "app.sig"} <= offered and "other" not in offered and "sign" not in offered


def test_bash_takes_an_equals_sign(env):
    assert ask_bash(["holdfast", "--output", "=", "j"], env) == {"json"}
    assert ask_bash(["holdfast", "--output", "="], env) == {"text", "json"}
    assert ask_bash(["holdfast", "--server", "=", "https", "key", "vers"], env) == {"versions"}


def test_what_is_installed_is_what_the_command_prints(env):
    for shell, path in SCRIPTS.items():
        assert subprocess.run([BIN / "holdfast", "completion", shell], capture_output=True, check=True).stdout == path.read_bytes()
        check = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "-n"]}[shell]
        assert subprocess.run([*check, path], capture_output=True).stderr == b""
    done = subprocess.run([BIN / "holdfast", "completion", "tcsh"], capture_output=True)
    assert done.returncode == 2 and b"bash, zsh and fish" in done.stderr


def test_names_of_keys(env, cli):
    """Only with a token at hand; otherwise the server is not asked."""
    for name in ("release-a", "release-b", "other"):
        cli.fine("key", "create", name, "--algorithm", "ed25519")
    token = cli.file("token", cli.hsm.token().encode())
    token.chmod(0o600)
    reach = {"HOLDFAST_SERVER": f"https://127.0.0.1:{cli.hsm.port}", "HOLDFAST_CA": str(cli.hsm.data / "tls" / "ca.pem")}
    for asked in (ask_bash, ask_fish):
        assert asked(["holdfast", "sign", "rel"], {**env, **reach, "HOLDFAST_TOKEN_FILE": str(token)}) == {"release-a", "release-b"}
        assert asked(["holdfast", "sign", "rel"], {**env, **reach}) == set()


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_names_that_a_server_invents_are_not_run(env, tmp_path, shell):
    """bash expands what is in a list of words (compgen -W); a gateway that was taken over may answer any name."""
    ran = tmp_path / "ran"
    (tmp_path / "holdfast").write_text("#!/bin/sh\ncat <<'END'\nNAME\n"
                                       f"$(>{ran}) x\n`>{ran}` x\nrel;>{ran} x\n-rel x\nrelease-a x\nEND\n")
    (tmp_path / "holdfast").chmod(0o700)
    asked = {"bash": ask_bash, "fish": ask_fish}[shell]
    its = {**env, "PATH": f"{tmp_path}:{env['PATH']}", "HOLDFAST_TOKEN_FILE": "x"}
    assert asked(["holdfast", "sign", "rel"], its) == {"release-a"}
    assert not ran.exists()
