"""What a person at a terminal sees: progress, questions, digits instead of bytes, a hint for a name; and nobody else."""
import re
import time

import pytest

from conftest import Cli
from hsm import Hsm
from test_cli import document


@pytest.fixture(scope="module")
def names(hsm):
    for i in range(5):
        hsm.create(f"invoices-{i}", "ed25519")


def test_progress_of_a_long_list(cli, names):
    code, seen = cli.terminal("key", "list", "--all").end()
    assert code == 0 and re.search(rb"\r\x1b\[Kholdfast: \d+ of \d+ keys \.\.\.\r\x1b\[K", seen)
    assert seen.rsplit(b"\x1b[K", 1)[1].startswith(b"NAME "), "the line is gone before the answer comes"
    quiet = cli("key", "list", "--all")
    assert quiet.stderr == b"" and b"\x1b" not in quiet.stdout


def test_progress_of_slow_keys(cli):
    code, seen = cli.terminal("key", "create", "slow-key", "--algorithm", "rsa-3072").end()
    assert code == 0 and b"primes ...\r\x1b[K" in seen
    assert b"\x1b" not in cli("key", "create", "slow-2", "--algorithm", "rsa-2048").stderr


def test_progress_of_an_export(cli, names):
    for i in range(40):
        cli.hsm.sign("invoices-0", b"x")
        time.sleep(0.02)
    code, seen = cli.terminal("audit", "export", "--out", cli.folder / "audit").end()
    assert code == 0 and b"segments up to number" in seen
    code, seen = cli.terminal("audit", "verify").end()
    assert code == 0 and b"intact" in seen


def test_random_bytes_are_digits(cli):
    code, seen = cli.terminal("random", "16").end()
    assert code == 0 and re.fullmatch(rb"[0-9a-f]{32}\r\n", seen)


def test_a_name_that_is_nearly_right(cli, names):
    for wrong in ("invoice-3", "invioces-3", "invoices-3x"):
        code, seen = cli.terminal("key", "show", wrong).end()
        assert code == 3 and b"did you mean 'invoices-" in seen, seen
    code, seen = cli.terminal("key", "show", "quite-different").end()
    assert code == 3 and b"did you mean" not in seen
    assert b"did you mean" not in cli("key", "show", "invoice-3").stderr, "a script gets one request and one sentence"
    code, seen = cli.terminal("--output", "json", "key", "show", "invoice-3").end()
    assert code == 3 and b"did you mean" not in seen


def test_what_is_missing_of_a_key_that_is_there(cli, names):
    code, seen = cli.terminal("key", "public", "invoices-1", "--version", "9").end()
    assert code == 3 and b"did you mean" not in seen


def test_the_question_before_a_key_is_destroyed(cli, names):
    terminal = cli.terminal("key", "destroy", "invoices-4")
    terminal.read_until(b"Type its name to destroy it: ")
    terminal.type("invoices-3\n")
    code, seen = terminal.end()
    assert code == 2 and b"not destroyed" in seen
    assert document(cli("--output", "json", "key", "show", "invoices-4"))["state"] == "active"
    terminal = cli.terminal("key", "destroy", "invoices-4")
    terminal.read_until(b"destroy it: ")
    terminal.type("invoices-4\n")
    assert terminal.end()[0] == 0
    assert document(cli("--output", "json", "key", "show", "invoices-4"))["state"] == "destroyed"


def test_a_passphrase_is_asked_for_without_echo(tmp_path):
    passphrase = "correct horse battery"
    file = tmp_path / "passphrase"
    file.write_text(passphrase)
    file.chmod(0o600)
    hsm = Hsm(tmp_path / "hsm").init("--seal", "passphrase", "--passphrase-file", file).unlimited().start()
    try:
        cli = Cli(hsm, tmp_path)
        done = cli("key", "list")
        assert done.returncode == 7 and b"holdfast unseal" in done.stderr
        terminal = cli.terminal("unseal")
        shown = terminal.read_until(b"Passphrase: ")
        assert re.search(rb"fingerprint: [0-9a-f]{64}", shown)
        terminal.type(passphrase + "\n")
        code, seen = terminal.end()
        assert code == 0 and b"open" in seen and passphrase.encode() not in seen and b"correct" not in seen
        assert cli("key", "list").returncode == 0
        terminal = cli.terminal("init", "--data", tmp_path / "other", "--seal", "passphrase", "--admin-key-out", tmp_path / "other.pem")
        for question in (b"assphrase[^:]*: ", b"again[^:]*: "):
            terminal.read_until(question)
            terminal.type(passphrase + "\n")
        code, seen = terminal.end()
        assert code == 0 and passphrase.encode() not in seen, seen
    finally:
        assert hsm.stop() == 0
