"""Every command of `holdfast` against a running HSM: what it prints, what it writes, and its exit code."""
import hashlib
import json
import os
import pty
import re
import stat
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from conftest import Cli
from hsm import Hsm, b64, unb64

COMMANDS = (
    "init", "status", "capabilities", "unseal", "seal", "reseal", "root rotate-epoch", "keyset show", "keyset apply", "selftest",
    "key create", "key import", "key list", "key show", "key versions", "key public", "key set", "key rotate", "key revoke", "key destroy",
    "sign", "verify", "mac", "encrypt", "decrypt", "rewrap", "encapsulate", "decapsulate", "random", "batch",
    "audit tail", "audit export", "audit verify", "audit accept-rollback",
    "token mint", "token session", "token inspect", "token introspect", "token revoke", "file protect", "file verify", "file read", "file write", "file unprotect", "completion", "version",
)


def document(done):
    """The one JSON document on standard output: json.loads refuses anything before or behind it."""
    return json.loads(done.stdout)


def sentence(done):
    text = done.stderr.decode()
    assert text.startswith("holdfast: "), text
    return text


# ---- help and usage ----


def test_help_names_every_command(cli):
    done = cli.bare("--help")
    assert done.returncode == 0 and done.stderr == b""
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", done.stdout.decode(), re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(cli, command):
    done = cli.bare(*command.split(), "--help")
    assert done.returncode == 0 and done.stderr == b"", done
    assert done.stdout.lower().startswith(b"usage: ") and command.split()[-1].encode() in done.stdout


@pytest.mark.parametrize("noun", sorted({c.split()[0] for c in COMMANDS if " " in c}))
def test_help_of_each_noun(cli, noun):
    done = cli.bare(noun, "--help")
    assert done.returncode == 0 and done.stdout.startswith(b"usage: ") and done.stderr == b""
    listed = re.findall(r"^  (\w+ [\w-]+)", done.stdout.decode(), re.MULTILINE)
    assert listed == [c for c in COMMANDS if c.startswith(noun + " ")]
    assert cli.bare(noun).returncode == 2


@pytest.mark.parametrize("words", [
    (), ("nonsense",), ("key",), ("key", "nonsense"), ("key", "--nonsense"), ("--nonsense", "status"), ("-x", "status"), ("status", "extra"),
    ("key", "create"), ("key", "create", "name"), ("key", "create", "a", "b", "--algorithm", "ed25519"), ("key", "create", "a", "--algorithm"),
    ("key", "list", "--page", "0"), ("key", "list", "--page", "1x"), ("key", "list", "--page", "-1"), ("key", "list", "--per-page", "1001"),
    ("key", "list", "--page", "99999999999999999999999"), ("key", "list", "--page", "1", "--page", "2"), ("key", "list", "--tag", "a,b"),
    ("key", "show", "../keys"), ("key", "show", "a?b"), ("key", "show", ""), ("key", "destroy", "x", "--yes=1"), ("verify", "k"),
    ("--output", "xml", "status"), ("--server", "http://127.0.0.1:8443", "status"), ("--server", "https://user@host", "status"),
    ("--server", "https://127.0.0.1:8443/path", "status"), ("--server", "https://", "status"), ("--server", "https://a", "--socket", "b", "status"),
    ("--token-file", "a", "--token-key", "b", "key", "list"), ("--role", "auditor", "key", "list"), ("--token", "abc", "key", "list"),
    ("audit", "verify", "--offline", "F"), ("token", "revoke"), ("token", "mint", "--nonsense"), ("init", "--nonsense"), ("token", "revoke", "--jti", "x"),
    ("--output", "json", "audit", "export"),
])
def test_wrong_usage(cli, words):
    done = cli.bare(*words)
    assert done.returncode == 2 and done.stderr != b"", done
    if words[:2] != ("--output", "json"):
        assert done.stdout == b""


@pytest.mark.parametrize("words", [("nonsense",), ("key", "nonsense"), ("key",), ("key", "rotate")])
def test_wrong_usage_in_json(cli, words):
    done = cli.bare("--output", "json", *words)
    assert done.returncode == 2 and document(done)["code"] == "invalid" and document(done)["detail"] in sentence(done)


def test_what_is_not_there_is_named_with_the_way_on(cli):
    cli.fine("key", "create", "way-on", "--algorithm", "aes-256-gcm")
    for words in (("key", "create", "x", "--algorithm", "des"), ("key", "list", "--algorithm", "des")):
        done = cli(*words)
        assert done.returncode == 2 and "aes-256-gcm, ec-p256, ed25519, ml-kem-768" in sentence(done), words
    cli.fine("key", "create", "way-sign", "--algorithm", "ed25519")
    cli.file("message", b"m")
    cli.fine("sign", "way-sign", "--in", "message", "--out", "message.sig")
    done = cli("verify", "way-sign", "--in", "message", "--signature", "message.sig", "--version", "9")
    assert done.returncode == 3 and "no version 9; see 'holdfast key versions'" in sentence(done)
    done = cli("key", "public", "way-sign", "--version", "9")
    assert done.returncode == 3 and "no version 9; see 'holdfast key versions'" in sentence(done)


def test_options_in_any_place_and_form(cli):
    cli.fine("key", "create", "any-place", "--algorithm=ed25519")
    port, ca, key = cli.hsm.port, cli.hsm.data / "tls" / "ca.pem", cli.hsm.admin_key
    done = cli.bare("key", "show", "--output=json", "any-place", f"--server=https://127.0.0.1:{port}/", "--ca", ca, f"--token-key={key}")
    assert done.returncode == 0 and document(done)["name"] == "any-place"
    assert cli.bare("key", "list", env={"HOLDFAST_SERVER": f"https://127.0.0.1:{port}", "HOLDFAST_CA": str(ca)}).returncode == 4
    assert cli("key", "show", "--", "any-place").returncode == 0


def test_version(cli):
    text = cli.bare("version").stdout
    assert re.fullmatch(rb"holdfast \d+\.\d+\.\d+\n", text) and cli.bare("--version").stdout == text
    assert document(cli.bare("--output", "json", "version"))["version"] == text.split()[1].decode()


# ---- the HSM ----


def test_status_needs_no_token(cli):
    done = cli.anonymous("status")
    assert done.returncode == 0 and re.search(rb"^state +open$", done.stdout, re.MULTILINE)
    assert document(cli.anonymous("--output", "json", "status"))["state"] == "open"


def test_capabilities(cli):
    text = cli.fine("capabilities").decode()
    assert re.search(r"^core +seccomp +active", text, re.MULTILINE) or "seccomp" in text
    rows = document(cli("--output", "json", "capabilities"))["protections"]
    assert {"core", "gateway", "store"} <= {row["process"] for row in rows}


def test_local_socket(cli):
    path = cli.hsm.folder / "hsm.sock"
    assert cli.bare("--socket", path, "status").returncode == 0
    assert cli.bare("status", env={"HOLDFAST_SOCKET": str(path)}).returncode == 0
    done = cli.bare("--socket", path, *cli.authority, "--output", "json", "key", "list")
    assert done.returncode == 0 and "items" in document(done)
    assert cli.bare("--socket", cli.folder / "none", "status").returncode == 7


def test_seal_and_unseal(tmp_path):
    hsm = Hsm(tmp_path / "hsm").init().unlimited().start()
    cli = Cli(hsm, tmp_path)
    try:
        cli.fine("key", "create", "k", "--algorithm", "ed25519")
        assert cli("seal").returncode == 0
        done = cli("--output", "json", "sign", "k", input=b"m")
        assert done.returncode == 7 and document(done)["code"] == "sealed" and "holdfast unseal" in sentence(done)
        assert document(cli.anonymous("--output", "json", "status"))["state"] == "sealed"
        assert cli("unseal").returncode == 0
        deadline = time.monotonic() + 20
        while cli("sign", "k", input=b"m").returncode != 0:
            assert time.monotonic() < deadline, hsm.text()[-2000:]
            time.sleep(0.1)
    finally:
        hsm.stop()


def test_server_down(cli):
    hsm = Hsm(cli.folder / "none")
    done = cli.bare("--server", f"https://127.0.0.1:{hsm.port}", "--output", "json", "status")
    assert done.returncode == 7 and "holdfastd" in sentence(done)
    assert document(done)["code"] == "peer_gone"


def test_init(cli):
    data, key = cli.folder / "new", cli.folder / "new-admin.pem"
    assert cli.bare("init", "--data", data, "--admin-key-out", key).returncode == 0
    assert (data / "holdfast.conf").exists() and stat.S_IMODE(key.stat().st_mode) == 0o600
    assert cli.bare("init", "--data", data, "--admin-key-out", key).returncode == 5
    done = cli.bare("--output", "json", "init", "--data", cli.folder / "other", "--admin-key-out", cli.folder / "other.pem")
    assert done.returncode == 0 and "other" in document(done)["report"]
    done = cli.bare("--output", "json", "init", "--data", cli.folder / "other", "--admin-key-out", cli.folder / "third.pem")
    assert done.returncode == 5 and document(done)["code"] == "conflict"


# ---- keys ----


def test_key_create_show_list(cli):
    words = ("--algorithm", "ec-p256", "--usage", "sign,verify", "--tag", "red", "--tag", "über", "--description", "for people")
    made = document(cli("--output", "json", "key", "create", "made", *words))
    assert made["usage"] == ["sign", "verify"] and made["policy_tags"] == ["red", "über"] and made["description"] == "for people"
    assert document(cli("--output", "json", "key", "show", made["id"])) == made
    text = cli.fine("key", "show", "made").decode()
    assert re.search(r"^policy_tags +red,über$", text, re.MULTILINE) and re.search(r"^algorithm +ec-p256$", text, re.MULTILINE)
    only = document(cli("--output", "json", "key", "list", "--tag", "red", "--tag", "über", "--state", "active", "--algorithm", "ec-p256"))
    assert [k["name"] for k in only["items"]] == ["made"]
    assert document(cli("--output", "json", "key", "list", "--tag", "red", "--state", "revoked"))["items"] == []
    assert re.search(rb"^made +ec-p256 +active +1 ", cli.fine("key", "list", "--tag", "red"), re.MULTILINE)


def test_key_list_pages(cli):
    for i in range(3):
        cli.fine("key", "create", f"page-{i}", "--algorithm", "ed25519", "--tag", "paged")
    names = []
    for page in (1, 2, 3):
        done = cli("key", "list", "--tag", "paged", "--per-page", "1", "--page", page)
        names += [line.split()[0] for line in done.stdout.decode().splitlines()[1:]]
        assert (f"--page {page + 1}" in done.stderr.decode()) == (page < 3)
    assert sorted(names) == ["page-0", "page-1", "page-2"]


def test_name_taken_and_not_found(cli):
    cli.fine("key", "create", "taken", "--algorithm", "ed25519")
    done = cli("--output", "json", "key", "create", "taken", "--algorithm", "ed25519")
    assert done.returncode == 5 and document(done)["code"] == "exists" and "name exists" in sentence(done)
    for words in (("key", "show", "none"), ("sign", "none"), ("key", "rotate", "none"), ("key", "destroy", "none"), ("key", "public", "none")):
        done = cli("--output", "json", *words)
        assert done.returncode == 3 and document(done)["status"] == 404, done
    assert cli("key", "create", "bad name", "--algorithm", "ed25519").returncode == 2
    assert cli("key", "create", "bad-algorithm", "--algorithm", "rot13").returncode == 2


def test_key_public_formats(cli):
    cli.fine("key", "create", "pub", "--algorithm", "ed25519")
    pem, der, jwk = (cli.fine("key", "public", "pub", "--format", f) for f in ("pem", "der", "jwk"))
    raw = serialization.load_der_public_key(der).public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert serialization.load_pem_public_key(pem).public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw) == raw
    assert json.loads(jwk)["crv"] == "Ed25519"
    cli.fine("key", "public", "pub", "--out", "p.pem")
    assert (cli.folder / "p.pem").read_bytes() == pem == cli.fine("key", "public", "pub")
    assert document(cli("--output", "json", "key", "public", "pub")) == {"public_key_pem": pem.decode(), "version": 1}
    assert unb64(document(cli("--output", "json", "key", "public", "pub", "--format", "der"))["public_key_der_b64"]) == der
    assert document(cli("--output", "json", "key", "public", "pub", "--format", "jwk"))["public_key_jwk"] == json.loads(jwk)
    assert cli("key", "public", "pub", "--format", "xml").returncode == 2
    assert cli("key", "public", "pub", "--version", "9").returncode == 3


def test_rotate_versions_revoke_destroy(cli):
    cli.fine("key", "create", "life", "--algorithm", "ed25519")
    first = cli.fine("key", "public", "life")
    assert document(cli("--output", "json", "key", "rotate", "life"))["version"] == 2
    assert cli.fine("key", "public", "life", "--version", "1") == first != cli.fine("key", "public", "life")
    versions = document(cli("--output", "json", "key", "versions", "life"))["items"]
    assert sorted(v["version"] for v in versions) == [1, 2] and [v["state"] for v in versions].count("active") == 1
    assert len(cli.fine("key", "versions", "life").splitlines()) == 3
    assert document(cli("--output", "json", "key", "revoke", "life"))["state"] == "revoked"
    assert cli("sign", "life", input=b"m").returncode == 5
    gone = document(cli("--output", "json", "key", "destroy", "life"))
    assert gone["state"] == "destroyed" and gone["destruction"] == "pending"
    assert cli("sign", "life", input=b"m").returncode in (3, 5)
    before = document(cli("--output", "json", "root", "rotate-epoch"))["epoch"]
    assert document(cli("--output", "json", "root", "rotate-epoch"))["epoch"] == before + 1
    assert document(cli("--output", "json", "key", "show", "life"))["destruction"] == "complete"


def on_terminal(cli, typed, *words):
    """Standard input is a terminal on which `typed` is typed."""
    ours, theirs = pty.openpty()
    words = [str(w) for w in (cli.program, *cli.server, *cli.authority, *words)]
    p = subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.environment)
    os.close(theirs)
    os.write(ours, typed)
    out, err = p.communicate(timeout=30)
    os.close(ours)
    return p.returncode, out, err


def test_destroy_asks_on_a_terminal(cli):
    cli.fine("key", "create", "asked", "--algorithm", "ed25519")
    for typed in (b"y\n", b"yes\n", b"\n", b"aske\n", b"\x04"):
        code, out, err = on_terminal(cli, typed, "key", "destroy", "asked")
        assert code == 2 and out == b"" and b"not destroyed" in err
    assert document(cli("--output", "json", "key", "show", "asked"))["state"] == "active"
    assert on_terminal(cli, b"asked\n", "key", "destroy", "asked")[0] == 0
    assert document(cli("--output", "json", "key", "show", "asked"))["state"] == "destroyed"
    cli.fine("key", "create", "unasked", "--algorithm", "ed25519")
    code, _, err = on_terminal(cli, b"", "key", "destroy", "unasked", "--yes")
    assert code == 0 and b"Type" not in err


def test_revoke_asks_on_a_terminal(cli):
    cli.fine("key", "create", "asked-too", "--algorithm", "ed25519")
    for typed in (b"y\n", b"\n", b"asked\n", b"\x04"):
        code, out, err = on_terminal(cli, typed, "key", "revoke", "asked-too")
        assert code == 2 and out == b"" and b"not revoked" in err and b"never" in err
    assert document(cli("--output", "json", "key", "show", "asked-too"))["state"] == "active"
    assert on_terminal(cli, b"asked-too\n", "key", "revoke", "asked-too")[0] == 0
    assert document(cli("--output", "json", "key", "show", "asked-too"))["state"] == "revoked"
    cli.fine("key", "create", "unasked-too", "--algorithm", "ed25519")
    code, _, err = on_terminal(cli, b"", "key", "revoke", "unasked-too", "--yes")
    assert code == 0 and b"Type" not in err


def test_a_revoked_key_does_what_its_help_says(cli):
    said = " ".join(cli.bare("key", "revoke", "--help").stdout.decode().split())
    assert "unusable for every operation, verify and decrypt included" in said and "cannot be rotated" in said
    cli.fine("key", "create", "done-sign", "--algorithm", "ed25519")
    cli.fine("key", "create", "done-box", "--algorithm", "aes-256-gcm")
    signature, sealed = cli.file("done.sig", cli.fine("sign", "done-sign", input=b"m")), cli.fine("encrypt", "done-box", input=b"m")
    public = cli.fine("key", "public", "done-sign")
    for key in ("done-sign", "done-box"):
        cli.fine("key", "revoke", key)
    for words, content in ((("sign", "done-sign"), b"m"), (("verify", "done-sign", "--signature", signature), b"m"), (("key", "rotate", "done-sign"), b""),
                           (("encrypt", "done-box"), b"m"), (("decrypt", "done-box"), sealed), (("rewrap", "done-box"), sealed)):
        assert cli(*words, input=content).returncode == 5, words
    assert cli.fine("key", "public", "done-sign") == public
    assert len(cli.fine("key", "versions", "done-sign").splitlines()) == 2 and b"revoked" in cli.fine("key", "show", "done-sign")


def test_an_older_signature_names_the_version_that_was_tried(cli):
    cli.fine("key", "create", "older", "--algorithm", "ed25519")
    signature = cli.file("older.sig", cli.fine("sign", "older", input=b"m"))

    def refused(*words, content=b"m"):
        done = cli("verify", "older", "--signature", signature, *words, input=content)
        assert done.returncode == 8
        return sentence(done)

    assert "not valid under version 1\n" in refused(content=b"other")
    cli.fine("key", "rotate", "older")
    assert "not valid under version 2; signatures made before the last rotation need --version 1\n" in refused()
    assert "not valid under version 2\n" in refused("--version", "2")
    cli.fine("verify", "older", "--signature", signature, "--version", "1", input=b"m")
    cli.fine("key", "rotate", "older")
    assert "under version 3; signatures made before the last rotation need --version 2 or an older one\n" in refused()
    assert document(cli("--output", "json", "sign", "older", input=b"m"))["version"] == 3


def test_an_older_encapsulation_opens_to_another_secret(cli):
    """As the help says: without an error; the version in the answer is the way out."""
    cli.fine("key", "create", "older-kem", "--algorithm", "ml-kem-768")
    made = document(cli("--output", "json", "encapsulate", "older-kem"))
    ciphertext, secret = unb64(made["ciphertext_b64"]), unb64(made["shared_secret_b64"])
    cli.fine("key", "rotate", "older-kem")
    assert cli.fine("decapsulate", "older-kem", input=ciphertext) != secret
    assert made["version"] == 1 and cli.fine("decapsulate", "older-kem", "--version", made["version"], input=ciphertext) == secret
    assert "different secret without an error" in " ".join(cli.bare("decapsulate", "--help").stdout.decode().split())


def test_search_looks_at_names_only(cli):
    cli.fine("key", "create", "found-by-name", "--algorithm", "ed25519", "--description", "zebra")
    assert document(cli("--output", "json", "key", "list", "--search", "ound-by-na"))["total"] == 1
    assert document(cli("--output", "json", "key", "list", "--search", "zebra"))["total"] == 0
    assert b"description" not in cli.bare("key", "list", "--help").stdout


# ---- operations ----


def test_sign_and_verify(cli):
    cli.fine("key", "create", "signer", "--algorithm", "ec-p256")
    message = cli.file("message", b"a message")
    cli.fine("sign", "signer", "--in", message, "--out", "sig")
    signature = (cli.folder / "sig").read_bytes()
    public = serialization.load_pem_public_key(cli.fine("key", "public", "signer"))
    public.verify(signature, b"a message", ec.ECDSA(hashes.SHA256()))
    assert cli("verify", "signer", "--in", message, "--signature", "sig").returncode == 0
    assert cli("verify", "signer", "--signature", "sig", input=b"a message").returncode == 0
    assert cli("verify", "signer", "--signature", "-", "--in", message, input=signature).returncode == 0
    assert document(cli("--output", "json", "verify", "signer", "--in", message, "--signature", "sig"))["valid"] is True
    public.verify(cli.fine("sign", "signer", "--in", "-", "--out", "-", input=b"piped"), b"piped", ec.ECDSA(hashes.SHA256()))
    made = document(cli("--output", "json", "sign", "signer", input=b"in json"))
    public.verify(unb64(made["signature_b64"]), b"in json", ec.ECDSA(hashes.SHA256()))
    raw = cli.fine("sign", "signer", "--scheme", "ecdsa-raw", "--hash", "sha512", input=b"raw")
    assert len(raw) == 64


def test_tampering_is_exit_8(cli):
    cli.fine("key", "create", "tampered", "--algorithm", "ed25519")
    good = cli.fine("sign", "tampered", input=b"m")
    bad = cli.file("bad", good[:5] + bytes([good[5] ^ 1]) + good[6:])
    done = cli("verify", "tampered", "--signature", bad, input=b"m")
    assert done.returncode == 8 and done.stdout == b"" and "not valid" in sentence(done)
    done = cli("--output", "json", "verify", "tampered", "--signature", bad, input=b"m")
    assert done.returncode == 8 and document(done)["valid"] is False
    assert cli("verify", "tampered", "--signature", cli.file("good", good), input=b"n").returncode == 8


def test_prehashed(cli):
    cli.fine("key", "create", "prehashed", "--algorithm", "ec-p256")
    signature = cli.fine("sign", "prehashed", "--prehashed", input=hashlib.sha256(b"large").digest())
    serialization.load_pem_public_key(cli.fine("key", "public", "prehashed")).verify(signature, b"large", ec.ECDSA(hashes.SHA256()))
    assert cli("verify", "prehashed", "--signature", cli.file("s", signature), input=b"large").returncode == 0
    assert cli("verify", "prehashed", "--prehashed", "--signature", "s", input=hashlib.sha256(b"large").digest()).returncode == 0
    assert cli("sign", "prehashed", "--prehashed", input=b"short").returncode == 2


@pytest.mark.parametrize("size", [0, 1, 1 << 20])
def test_encrypt_and_decrypt(cli, size):
    name = f"cipher-{size}"
    cli.fine("key", "create", name, "--algorithm", "aes-256-gcm")
    plain, aad = cli.file("plain", os.urandom(size)), cli.file("aad", b"context")
    cli.fine("encrypt", name, "--in", plain, "--out", "sealed", "--aad", aad)
    sealed = (cli.folder / "sealed").read_bytes()
    assert len(sealed) == 12 + 8 + size + 16 and sealed[12:15] == b"HF1"
    os.umask(0o022)
    cli.fine("decrypt", name, "--in", "sealed", "--out", "opened", "--aad", aad)
    assert (cli.folder / "opened").read_bytes() == plain.read_bytes()
    assert stat.S_IMODE((cli.folder / "opened").stat().st_mode) == 0o600
    assert cli.fine("decrypt", name, "--aad", aad, input=sealed) == plain.read_bytes()
    # The documented form is what the REST API takes.
    asked = {"nonce_b64": b64(sealed[:12]), "ciphertext_b64": b64(sealed[12:]), "associated_data_b64": b64(b"context")}
    assert unb64(cli.hsm.post(f"/api/v1/keys/{name}/decrypt", asked).json["plaintext_b64"]) == plain.read_bytes()


def test_bad_ciphertext_is_exit_8(cli):
    cli.fine("key", "create", "opener", "--algorithm", "aes-256-gcm")
    sealed = cli.fine("encrypt", "opener", input=b"secret")
    for at in (0, 12, 25, len(sealed) - 1):
        bad = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1:]
        done = cli("decrypt", "opener", "--out", "none", input=bad)
        assert done.returncode == 8, (at, done)
    assert cli("decrypt", "opener", input=sealed[:20]).returncode == 8
    assert cli("decrypt", "opener", "--aad", cli.file("aad", b"other"), input=sealed).returncode == 8
    assert not (cli.folder / "none").exists(), "a failure writes nothing"


def test_json_of_secrets(cli):
    """With --out the secret is in the file only; without it the document carries it."""
    cli.fine("key", "create", "json-secret", "--algorithm", "aes-256-gcm")
    sealed = cli.fine("encrypt", "json-secret", input=b"secret")
    assert unb64(document(cli("--output", "json", "decrypt", "json-secret", input=sealed))["plaintext_b64"]) == b"secret"
    assert "plaintext_b64" not in document(cli("--output", "json", "decrypt", "json-secret", "--out", "f", input=sealed))
    assert (cli.folder / "f").read_bytes() == b"secret"
    made = document(cli("--output", "json", "encrypt", "json-secret", input=b"secret"))
    assert cli.fine("decrypt", "json-secret", input=unb64(made["nonce_b64"]) + unb64(made["ciphertext_b64"])) == b"secret"


def test_encapsulate_and_decapsulate(cli):
    cli.fine("key", "create", "kem", "--algorithm", "ml-kem-768")
    cli.fine("encapsulate", "kem", "--out", "ct", "--secret-out", "ours")
    cli.fine("decapsulate", "kem", "--in", "ct", "--out", "theirs")
    secret = (cli.folder / "ours").read_bytes()
    assert len(secret) == 32 and secret == (cli.folder / "theirs").read_bytes() and (cli.folder / "ct").stat().st_size == 1088
    assert stat.S_IMODE((cli.folder / "ours").stat().st_mode) == stat.S_IMODE((cli.folder / "theirs").stat().st_mode) == 0o600
    cli.fine("key", "rotate", "kem")
    assert cli.fine("decapsulate", "kem", "--version", "1", "--in", "ct") == secret
    assert cli("encapsulate", "kem").returncode == 2 and cli("encapsulate", "kem", "--secret-out", "-").returncode == 2
    made = document(cli("--output", "json", "encapsulate", "kem"))
    assert cli.fine("decapsulate", "kem", input=unb64(made["ciphertext_b64"])) == unb64(made["shared_secret_b64"])
    assert "shared_secret_b64" not in document(cli("--output", "json", "encapsulate", "kem", "--secret-out", "s"))


def test_wrong_usage_of_a_key_and_size(cli):
    cli.fine("key", "create", "only-sign", "--algorithm", "ed25519", "--usage", "sign")
    assert cli("encrypt", "only-sign", input=b"x").returncode == 2
    done = cli("sign", "only-sign", input=b"x" * ((1 << 20) + 1))
    assert done.returncode == 2 and "1048576" in sentence(done)
    assert len(cli.fine("sign", "only-sign", input=b"x" * (1 << 20))) == 64


# ---- files and streams ----


def test_files_that_cannot_be_used(cli):
    cli.fine("key", "create", "files", "--algorithm", "ed25519")
    assert cli("sign", "files", "--in", "none").returncode == 1
    assert cli("sign", "files", "--in", cli.folder).returncode == 1
    assert cli("sign", "files", "--out", cli.folder / "no" / "where", input=b"m").returncode == 1
    with open("/dev/full", "wb") as full:
        for words in (("sign", "files"), ("key", "list"), ("--output", "json", "key", "list")):
            done = subprocess.run([str(w) for w in (cli.program, *cli.server, *cli.authority, *words)], input=b"m", stdout=full,
                                  stderr=subprocess.PIPE, env=cli.environment)
            assert done.returncode == 1 and b"standard output" in done.stderr


def test_standard_input_is_read_once(cli):
    cli.fine("key", "create", "stdin", "--algorithm", "aes-256-gcm")
    for words in (("encrypt", "stdin", "--aad", "-"), ("verify", "stdin", "--signature", "-")):
        done = cli(*words, input=b"x")
        assert done.returncode == 2 and "twice" in sentence(done)
    token = cli.hsm.token().encode()
    assert cli.anonymous("--token-file", "-", "encrypt", "stdin", input=token).returncode == 2
    assert cli.anonymous("--token-file", "-", "key", "list", input=token + b"\n").returncode == 0


# ---- tokens ----


def test_no_token(cli):
    done = cli.anonymous("--output", "json", "key", "list")
    assert done.returncode == 4 and document(done)["code"] == "no_token" and "holdfast token mint" in sentence(done)


def test_token_file(cli):
    path = cli.file("token", cli.hsm.token().encode() + b"\n")
    path.chmod(0o600)
    done = cli.anonymous("--token-file", path, "key", "list")
    assert done.returncode == 0 and done.stderr == b""
    assert cli.anonymous("key", "list", env={"HOLDFAST_TOKEN_FILE": str(path)}).returncode == 0
    path.chmod(0o644)
    done = cli.anonymous("--token-file", path, "key", "list")
    assert done.returncode == 0 and "chmod 600" in sentence(done)
    for content in (b"", b"two words", b"a\r\nX-Injected: 1"):
        done = cli.anonymous("--token-file", cli.file("bad", content), "key", "list")
        assert done.returncode == 4 and b"does not hold one token" in done.stderr, "refused before anything is sent"
    assert cli.anonymous("--token-file", cli.file("bad", b"not.a.token"), "key", "list").returncode == 4
    assert cli.anonymous("--token-file", cli.folder / "none", "key", "list").returncode == 1


def test_a_token_in_the_environment_is_not_read(cli):
    token = cli.hsm.token()
    names = ("HOLDFAST_TOKEN", "HOLDFAST_TOKEN_KEY", "TOKEN", "AUTHORIZATION")
    assert cli.anonymous("key", "list", env={name: token for name in names}).returncode == 4


def test_expired_token(cli):
    token = cli.file("token", cli.hsm.mint("admin", "administrator", "--ttl", "1s").encode())
    time.sleep(2.1)
    done = cli.anonymous("--token-file", token, "--output", "json", "key", "list")
    assert done.returncode == 4 and document(done)["code"] == "token_expired"
    assert "expired" in sentence(done) and "holdfast token mint" in sentence(done)


def test_role_that_may_not(cli):
    done = cli("--role", "auditor", "--actor", "eve", "--output", "json", "key", "create", "denied", "--algorithm", "ed25519")
    assert done.returncode == 4 and document(done)["code"] == "denied"
    assert cli("--role", "nonsense", "key", "list").returncode == 4
    assert cli("--role", "auditor", "--actor", "eve", "audit", "tail").returncode == 0


def test_token_key_that_is_none(cli):
    assert cli.anonymous("--token-key", cli.folder / "none", "key", "list").returncode == 4
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    cli.file("stranger", pem).chmod(0o600)
    assert cli.anonymous("--token-key", "stranger", "key", "list").returncode == 4
    assert cli.anonymous("--token-key", "-", "key", "list", input=cli.hsm.admin_key.read_bytes()).returncode == 0


def test_token_mint_inspect_revoke(cli):
    words = ("token", "mint", "--key", cli.hsm.admin_key, "--actor", "alice", "--role", "operator", "--ttl", "2m")
    token = cli.bare(*words).stdout
    path = cli.file("token", token)
    path.chmod(0o600)
    assert cli.anonymous("--token-file", path, "key", "list").returncode == 0
    seen = document(cli.bare("--output", "json", "token", "inspect", "--in", path))
    assert seen["verified"] is False and seen["claims"]["sub"] == "alice" and seen["claims"]["exp"] - seen["claims"]["iat"] == 120
    done = cli.bare("--token-file", path, "token", "inspect")
    assert re.search(rb"^sub +alice$", done.stdout, re.MULTILINE) and "verified" in sentence(done)
    assert cli.bare("token", "inspect", input=token).returncode == 0
    for bad in (b"x", b"a.b.c", b"e30.W10.x", token[:20]):
        assert cli.bare("token", "inspect", input=bad).returncode == 2, bad
    assert cli("token", "revoke", "--in", path).returncode == 0
    assert cli.anonymous("--token-file", path, "key", "list").returncode == 4
    other = document(cli.bare("--output", "json", *words))["token"]
    claims = document(cli.bare("--output", "json", "token", "inspect", input=other.encode()))["claims"]
    assert cli("--output", "json", "token", "revoke", "--jti", claims["jti"], "--exp", claims["exp"]).returncode == 0
    assert cli.anonymous("--token-file", "-", "key", "list", input=other.encode()).returncode == 4


def test_no_secret_in_any_argument(cli):
    """Every execve of a run is logged: no argument and no variable is or holds a token, a plaintext or a key."""
    cli.fine("key", "create", "traced", "--algorithm", "aes-256-gcm")
    trace = cli.folder / "trace"
    words = ["strace", "-f", "-v", "-s", "100000", "-e", "trace=execve,execveat", "-o", trace, cli.program, *cli.server, *cli.authority, "encrypt", "traced"]
    done = subprocess.run([str(w) for w in words], input=b"plaintext-of-the-trace", capture_output=True, env=cli.environment)
    assert done.returncode == 0, done
    text = trace.read_text()
    assert text.count("execve") >= 2 and "mint" in text, "the run of mint is in the trace"
    secrets = ("eyJ", "plaintext-of-the-trace", b64(b"plaintext-of-the-trace"), cli.hsm.admin_key.read_text().splitlines()[1])
    assert not [s for s in secrets if s in text]


# ---- keyset ----


def test_keyset(cli):
    shown = json.loads(cli.fine("keyset", "show"))
    assert shown["keys"][0]["public_key_pem"].startswith("-----BEGIN PUBLIC KEY-----")
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    shown["keys"].append({"kid": "bob-1", "alg": "ES256", "actor": "bob", "roles": ["auditor"], "public_key_pem": public})
    shown["generation"] += 1
    shown.pop("mac_b64", None)
    cli.file("keyset.json", json.dumps(shown).encode())
    assert document(cli("--output", "json", "keyset", "apply", "keyset.json"))["generation"] == shown["generation"]
    assert [k["kid"] for k in json.loads(cli.fine("keyset", "show"))["keys"]] == [k["kid"] for k in shown["keys"]]
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    cli.file("bob.pem", private).chmod(0o600)
    minted = cli.bare("token", "mint", "--key", "bob.pem", "--kid", "bob-1", "--actor", "bob", "--role", "auditor").stdout
    assert cli.anonymous("--token-file", "-", "audit", "tail", input=minted).returncode == 0
    assert cli("keyset", "apply", "keyset.json").returncode == 5, "the generation is not above the current one"
    assert cli("keyset", "apply", "-", input=b"{}").returncode == 2
    assert cli("keyset", "apply", "-", input=b"").returncode == 2


# ---- audit ----


def test_audit_tail(cli):
    cli.fine("key", "create", "audited", "--algorithm", "ed25519")
    last = document(cli("--output", "json", "audit", "tail", "--limit", "1"))["items"]
    assert len(last) == 1
    items = document(cli("--output", "json", "audit", "tail", "--limit", "20"))["items"]
    assert [e for e in items if e["action"] == "key:create" and e["detail"] == "audited" and e["actor"] == "admin"]
    assert b"key:create" in cli.fine("audit", "tail")


def test_audit_export_and_verify(cli):
    cli.fine("key", "create", "exported", "--algorithm", "ed25519")
    time.sleep(0.1)
    done = document(cli("--output", "json", "audit", "export", "--out", "audit"))
    assert done["segments"] > 0 and (cli.folder / "audit").read_bytes() == cli.fine("audit", "export")[:(cli.folder / "audit").stat().st_size]
    key = cli.folder / "audit.pem"
    cli.fine("audit", "export", "--out", "again", "--key-out", key)
    assert key.read_text() == cli.hsm.get("/api/v1/audit/tree-head").json["public_key_pem"]
    assert cli.bare("audit", "verify", "--offline", "audit", "--key", key).returncode == 0
    good = document(cli.bare("--output", "json", "audit", "verify", "--offline", "audit", "--key", key))
    assert good["valid"] is True and good["last_seq"] >= 1
    content = (cli.folder / "audit").read_bytes()
    # A byte of the first segment's head, one of its signature, and one of the last record. (Between head and signature stand 48
    # bytes of a MAC that only core can check: audit/segment.h.)
    for at in (4 + 20, 4 + 138 + 48 + 10, len(content) - 1):
        cli.file("bad", content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
        assert cli.bare("audit", "verify", "--offline", "bad", "--key", key).returncode == 8, at
    assert document(cli.bare("--output", "json", "audit", "verify", "--offline", "bad", "--key", key))["valid"] is False
    empty = cli.bare("--output", "json", "audit", "verify", "--offline", cli.file("empty", b""), "--key", key)
    assert empty.returncode == 8 and document(empty)["code"] == "integrity"
    none = cli.bare("--output", "json", "audit", "verify", "--offline", "none", "--key", key)
    assert none.returncode == 1 and document(none)["code"] == "system"
    later = document(cli("--output", "json", "audit", "export", "--after", done["last"], "--out", "rest"))
    assert 0 < later["segments"] < done["segments"] + 10
    assert cli.bare("audit", "verify", "--offline", "rest", "--key", key).returncode == 0


def test_audit_verify_online(cli):
    done = cli("audit", "verify")
    assert done.returncode == 0 and b"intact" in done.stdout and "--key" in sentence(done)
    assert document(cli("--output", "json", "audit", "verify"))["valid"] is True
    stranger = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = stranger.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert cli("audit", "verify", "--key", cli.file("stranger.pem", pem)).returncode == 8
