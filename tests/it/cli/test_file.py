"""`holdfast file`: outcomes and exit codes, judged by openssl and Python; attacked with an editor's means; killed and refused at every step."""
import hashlib
import hmac
import json
import os
import re
import resource
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from attack import open_folder, stage_copy
from hsm import STAGE

HOLDFAST = STAGE / "bin" / "holdfast"
TOOL = STAGE / "libexec" / "holdfast" / "file-tool"
MATCH, USAGE, NOT_FOUND, NO_ANCHOR, WRONG_STATE, UNAVAILABLE, TAMPER = 0, 2, 3, 5, 5, 7, 8
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


class Files:
    """A folder with a file, and a store; files("verify").returncode."""

    def __init__(self, folder):
        self.folder, self.store = folder, folder / "state" / "anchors"
        self.path, self.sidecar = folder / "plan.txt", folder / "plan.txt.hmac"

    def __call__(self, verb, *words, path=None, input=b""):
        words = [HOLDFAST, "file", verb, path or self.path, "--store", self.store, *words]
        return subprocess.run([str(w) for w in words], input=input, capture_output=True, cwd=self.folder, timeout=60, env={"PATH": os.environ["PATH"]})

    def tool(self, *words, before=(), input=b""):
        words = [*before, TOOL, *words, self.path, "--store", self.store]
        return subprocess.run([str(w) for w in words], input=input, capture_output=True, cwd=self.folder, timeout=60, env={"PATH": os.environ["PATH"]})

    def put(self, content):
        self.path.write_bytes(content)
        return self

    def document(self, verb, *words, **kw):
        done = self(verb, "--output", "json", *words, **kw)
        return done.returncode, json.loads(done.stdout)

    def entry(self, path=None):
        return self.store / hashlib.sha256(os.fsencode(os.path.realpath(path or self.path))).hexdigest()

    def key(self):
        return (self.store / "key").read_bytes()

    def fine(self, verb, *words, **kw):
        done = self(verb, *words, **kw)
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


# ---- outcomes ----


def test_outcomes_have_codes_and_words_of_their_own(files):
    seen = {}

    def look(code, outcome):
        done, (json_code, document) = files("verify"), files.document("verify")
        assert done.returncode == json_code == code and document["outcome"] == outcome, (done, document)
        assert (done.stderr == b"") == (code == 0) == ("detail" not in document)
        assert code == 0 or done.stderr.startswith(b"holdfast file verify: ") and done.stderr.count(b"\n") == 1
        seen[outcome] = document.get("code")

    look(NOT_FOUND, "not_found")
    files.put(b"a plan\0\xff\n")
    look(NO_ANCHOR, "no_anchor")
    files.fine("protect")
    look(MATCH, "match")
    files.put(b"another plan")
    look(TAMPER, "tamper")
    files.store.chmod(0o750)
    look(UNAVAILABLE, "store_unavailable")
    assert seen == {"match": None, "tamper": "integrity", "no_anchor": "no_anchor", "not_found": "not_found", "store_unavailable": "store"}


def test_an_outsider_can_check_the_tag(files):
    """openssl dgst makes the same tag; the entry's key and MAC follow from RFC 5869 and FIPS 198-1 as Python does them."""
    files.put(os.urandom(100_000))
    document = json.loads(files.fine("protect", "--output", "json"))
    words = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{files.key().hex()}", files.path]
    tag = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("= ")[1].strip()
    assert files.sidecar.read_text() == tag + "\n" and document["tag"] == tag and document["bytes"] == 100_000
    assert document["anchor"] == str(files.entry()) and document["sidecar"] == str(files.sidecar)
    entry = files.entry().read_bytes()
    path = os.fsencode(files.path)
    assert entry[:-32] == b"\x01\x01" + bytes.fromhex(tag) + bytes(32) + len(path).to_bytes(2, "big") + path
    entry_key = HKDF(hashes.SHA256(), 32, None, b"holdfast file entry 1").derive(files.key())
    assert hmac.digest(entry_key, entry[:-32], "sha256") == entry[-32:]


def test_what_trust_anchor_mode_is_for(files):
    """Edits, a deleted sidecar, both, and an older file with its older sidecar; with the sidecar alone the last one passes."""
    files.put(b"old").fine("protect")
    old = files.sidecar.read_bytes()
    files.fine("write", input=b"new")
    new = files.sidecar.read_bytes()
    for content, sidecar in ((b"edited", new), (b"new", old), (b"new", None), (b"edited", None), (b"old", old), (b"old", None), (b"new", b""), (b"new", new[:-1]),
                             (b"new", new.upper()), (b"new", b"0" * 64 + b"\n")):
        files.put(content)
        files.sidecar.unlink(missing_ok=True)
        if sidecar is not None:
            files.sidecar.write_bytes(sidecar)
        assert files("verify").returncode == TAMPER, (content, sidecar)
        done = files("read")
        assert done.returncode == TAMPER and done.stdout == b"", (content, sidecar)
    files.put(b"old")
    files.sidecar.write_bytes(old)
    done = files("verify", "--sidecar-only")
    assert done.returncode == WRONG_STATE and b"keep it anchored" in done.stderr  # the store knows better
    assert files("read", "--sidecar-only").stdout == b""
    entry = files.entry().read_bytes()
    files.entry().unlink()
    assert files("verify", "--sidecar-only").returncode == MATCH
    files.entry().write_bytes(entry)
    files.entry().chmod(0o600)
    files.put(b"new")
    files.sidecar.write_bytes(new)
    assert files("verify").returncode == MATCH


def test_protect_says_what_it_did_and_blesses_nothing(files):
    files.put(b"a plan")
    assert files.fine("protect").decode().split("\n")[0] == f"protected {files.path}, 6 bytes"
    assert files.fine("protect").decode().split("\n")[0] == f"unchanged {files.path}, 6 bytes"
    files.put(b"a trap")
    done = files("protect")
    assert done.returncode == TAMPER and b"force is needed" in done.stderr and done.stdout == b""
    assert files("write", input=b"x").returncode == TAMPER and files("unprotect").returncode == TAMPER
    assert files.path.read_bytes() == b"a trap" and files("verify").returncode == TAMPER
    files.fine("protect", "--force")
    assert files.fine("read") == b"a trap"
    assert files.fine("unprotect").decode() == f"released  {files.path}\n" and files("verify").returncode == NO_ANCHOR
    assert not files.sidecar.exists() and not files.entry().exists() and files("unprotect").returncode == NO_ANCHOR


# ---- reading and writing ----


def test_read_is_binary_safe_and_closed(files, tmp_path):
    content = bytes(range(256)) * 5000
    files.put(content)
    done = files("read")
    assert done.returncode == NO_ANCHOR and done.stdout == b""
    assert files("read", "--allow-unavailable").returncode == NO_ANCHOR
    assert files("read", "--allow-unanchored").stdout == content
    files.fine("protect")
    assert files.fine("read") == content
    out = tmp_path / "out"
    files.fine("read", "--out", out)
    assert out.read_bytes() == content and out.stat().st_mode & 0o777 == 0o600
    code, document = files.document("read")
    assert code == USAGE and document["code"] == "too_large" and "--out" in document["detail"]
    files.fine("write", input=b"\0\xff")
    assert files.document("read")[1]["content_b64"] == "AP8="
    files.put(b"")
    out.unlink()
    assert files("read", "--out", out).returncode == TAMPER and not out.exists()
    assert files("read", "--allow-unanchored", "--allow-unavailable").returncode == TAMPER


def test_read_prints_what_was_verified(files):
    """A writer that never rests: each time all of one content, or nothing."""
    good, bad = b"g" * 3_000_000, b"b" * 3_000_000
    files.put(good).fine("protect")
    stop, counts = threading.Event(), Counter()

    def rewrite():
        fd = os.open(files.path, os.O_WRONLY)
        while not stop.is_set():
            os.pwrite(fd, bad, 0)
            os.pwrite(fd, good, 0)
        os.close(fd)

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        for _ in range(25):
            done = files("read")
            counts[done.returncode] += 1
            assert done.returncode in (MATCH, TAMPER)
            assert done.stdout == (good if done.returncode == MATCH else b"")
    finally:
        stop.set()
        thread.join()
    assert counts[TAMPER] > 0


def test_write_takes_standard_input_or_a_file(files):
    files.fine("write", input=b"one")
    assert files.path.read_bytes() == b"one" and files.path.stat().st_mode & 0o777 == 0o600
    files.path.chmod(0o644)
    (files.folder / "from").write_bytes(b"two")
    files.fine("write", "--in", "from")
    assert files.fine("read") == b"two" and files.path.stat().st_mode & 0o777 == 0o644
    assert files("write", "--in", "nothing").returncode == 1 and files.fine("read") == b"two"
    assert sorted(p.name for p in files.folder.iterdir()) == ["from", "plan.txt", "plan.txt.hmac", "state"]


def test_a_full_pipe_is_no_success(files):
    files.put(b"x" * 1_000_000).fine("protect")
    with open("/dev/full", "wb") as full:
        assert subprocess.run([HOLDFAST, "file", "read", files.path, "--store", files.store], stdout=full, stderr=subprocess.PIPE).returncode == 1
        assert subprocess.run([HOLDFAST, "file", "verify", files.path, "--store", files.store], stdout=full, stderr=subprocess.PIPE).returncode == 1


def test_half_a_content_is_not_left_behind(files, tmp_path):
    files.put(b"x" * 1_000_000).fine("protect")
    out = tmp_path / "out"
    words = [TOOL, "read", files.path, "--store", files.store, "--out", out]
    for before in (False, True):
        if before:
            out.write_bytes(b"older")
        done = subprocess.run(words, capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)))
        assert done.returncode == 1 and b"cannot write" in done.stderr and not out.exists(), done
    assert files("read", "--out", "/dev/full").returncode == 1 and Path("/dev/full").is_char_device()
    assert files("read", "--out", "/dev/null").returncode == 0 and Path("/dev/null").is_char_device()


@needs_strace
def test_an_error_at_close_is_an_error(files, tmp_path):
    files.put(b"content").fine("protect")
    out = tmp_path / "out"
    before = ["strace", "-qq", "-o", tmp_path / "log", "-P", out, "-e", "trace=close", "-e", "inject=close:error=EIO"]
    done = files.tool("read", "--out", out, before=before)
    assert done.returncode == 1 and b"cannot write" in done.stderr and not out.exists(), done


def test_an_error_is_not_called_an_outcome(files):
    """A disk that takes nothing more: the error is said, and neither "tampered with" nor "unchanged" with it."""
    files.put(b"a plan").fine("protect")

    def limited(*words):
        words = [TOOL, *words, files.path, "--store", files.store]
        return subprocess.run(words, input=b"new", capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1)))

    for content, words in ((b"a plan", ["write"]), (b"a trap", ["protect", "--force"])):
        files.put(content)
        done, document = limited(*words), json.loads(limited(*words, "--output", "json").stdout)
        assert done.returncode == 1 and done.stderr.startswith(f"holdfast file {words[0]}: {files.path}: the new file cannot be written".encode()), done
        assert document["code"] == "system" and document.get("outcome", "not_judged") == "not_judged", document


# ---- names ----


def test_every_name_of_a_path_is_the_same(files):
    files.put(b"a plan").fine("protect")
    (files.folder / "folder").mkdir()
    (files.folder / "link").symlink_to("plan.txt")
    (files.folder / "folder" / "up").symlink_to("..")
    for path in ("plan.txt", "./plan.txt", "folder/../plan.txt", "folder/up/plan.txt", "link", "folder/up/link"):
        assert files("verify", path=path).returncode == MATCH, path
    files.put(b"a trap")
    assert files("verify", path="folder/up/link").returncode == TAMPER
    os.link(files.path, files.folder / "hard")
    assert files("verify", path="hard").returncode == NO_ANCHOR
    os.rename(files.path, files.folder / "moved")
    os.rename(files.sidecar, files.folder / "moved.hmac")
    assert files("verify", path="moved").returncode == TAMPER and files("verify").returncode == NOT_FOUND


def test_a_link_does_not_stand_in_for_a_protected_file(files):
    """`mv a.conf old; ln -s b.conf a.conf`, where b.conf is protected too, or never was: not b's content under a's name."""
    files.put(b"a plan").fine("protect")
    (files.folder / "other").write_bytes(b"another plan")
    os.rename(files.path, files.folder / "old")
    files.path.symlink_to("other")
    for anchored in (False, True):
        if anchored:
            files.fine("protect", path="other")
        for words in (("verify",), ("read",), ("read", "--allow-unanchored", "--allow-unavailable"), ("protect",), ("write",), ("unprotect",)):
            done = files(*words, input=b"x")
            assert done.returncode == TAMPER and done.stdout == b"" and b"a protected path now leads elsewhere" in done.stderr, (words, done)
    assert files.fine("read", path="other") == b"another plan"
    files.fine("protect", "--force")
    assert files.fine("read") == b"another plan"


def test_what_became_a_pipe_is_tampered_with(files):
    files.put(b"a plan").fine("protect")
    files.path.unlink()
    os.mkfifo(files.path)
    assert files("verify").returncode == TAMPER and files("read").returncode == TAMPER and files("protect", "--force").returncode == USAGE


@pytest.mark.parametrize("what", ["folder", "fifo", "null", "socket", "loop", "sidecar", "key", "long"])
def test_what_is_no_file_to_protect(files, what):
    files.put(b"a plan").fine("protect")
    path = files.folder / what
    if what == "folder":
        path.mkdir()
    elif what in ("fifo", "socket"):
        os.mknod(path, 0o600 | (0o010000 if what == "fifo" else 0o140000))
    elif what == "loop":
        path.symlink_to("loop")
    path = {"null": "/dev/null", "sidecar": files.sidecar, "key": files.store / "key", "long": "n" * 246}.get(what, path)
    if what == "long":
        (files.folder / path).write_bytes(b"")
    for verb in ("protect", "verify", "read", "write", "unprotect"):
        done = files(verb, path=path)
        assert done.returncode == USAGE and done.stdout == b"" and done.stderr.startswith(f"holdfast file {verb}: ".encode()), (verb, done)


def test_paths_of_any_bytes(files):
    path = os.fsencode(files.folder) + b"/\xff\x1b[31m\"\\\n"
    Path(os.fsdecode(path)).write_bytes(b"a plan")
    files.path = Path(os.fsdecode(path))
    code, document = files.document("protect")
    assert code == 0 and document["path"].endswith("/\ufffd\x1b[31m\"\\\n")
    shown = files.fine("verify")
    assert b"\x1b" not in shown and shown.count(b"\n") == 1
    done = files("verify", path=path + b"x")
    assert done.returncode == NOT_FOUND and b"\x1b" not in done.stderr


def test_words_behind_two_dashes(files):
    (files.folder / "--in").write_bytes(b"x")
    for words in (["protect"], ["verify"], ["verify", "--output", "json"]):
        done = subprocess.run([HOLDFAST, "file", *words, "--store", files.store, "--", "--in"], cwd=files.folder, capture_output=True)
        assert done.returncode == 0, done


def test_wrong_usage(files):
    files.put(b"x")
    for words in (["--nonsense"], ["extra"], ["--store"], ["--output", "xml"], ["--allow-unanchored"], ["--store", ""]):
        done = files("protect", *words)
        assert done.returncode == USAGE and done.stdout == b"" and done.stderr.startswith(b"holdfast"), done
    assert files.document("protect", "--nonsense")[1]["code"] == "invalid"
    assert not files.store.exists()
    for words in (["--\x1b[31m"], ["\x1b[31m"], ["--output", "\x1b[31m"], ["a\u202eb"]):
        done = files.tool("verify", *words)
        assert done.returncode == USAGE and b"\x1b" not in done.stderr and "\u202e".encode() not in done.stderr, done


def test_names_that_deceive_the_eye(files):
    """U+202E turns what follows around; a name of letters alone is shown as it is."""
    for name, plain in (("plan\u202etxt", False), ("plan\u2066", False), ("plan\u200b", False), ("pl\u00e4n\u4e2d", True)):
        (files.folder / name).write_bytes(b"x")
        shown = files.fine("protect", path=name).decode()
        assert (name in shown) == plain, shown


# ---- where the store is ----


def test_default_store_of_a_user_and_what_others_may_do():
    with open_folder() as folder:
        stage, home = stage_copy(folder), folder / "home"
        home.mkdir()
        shutil.chown(home, "nobody")
        (home / "plan").write_bytes(b"a plan")
        shutil.chown(home / "plan", "nobody")

        def as_nobody(*words, **env):
            words = ["runuser", "-u", "nobody", "--", "env", "-i", f"HOME={home}", *[f"{k}={v}" for k, v in env.items()], stage / "bin" / "holdfast", "file", *words]
            return subprocess.run([str(w) for w in words], capture_output=True, input=b"x", cwd="/", timeout=60)

        assert as_nobody("protect", home / "plan").returncode == 0
        store = home / ".local" / "state" / "holdfast" / "file-anchors"
        assert {p.stat().st_mode & 0o777 for p in (store, *store.parents[:3])} == {0o700} and store.stat().st_uid != 0
        assert as_nobody("verify", home / "plan").returncode == MATCH
        assert as_nobody("verify", home / "plan", XDG_STATE_HOME=home / "elsewhere").returncode == UNAVAILABLE  # a sidecar and no key
        assert as_nobody("protect", home / "plan", "--force", XDG_STATE_HOME="relative").returncode == 0  # does not count
        assert not (home / "elsewhere").exists()
        # Weakness 9: a key that cannot be read is an error and stays what it is.
        key = (store / "key").read_bytes()
        (store / "key").chmod(0)
        for words in (("protect", "--force"), ("write", "--force"), ("verify",), ("read",)):
            done = as_nobody(words[0], home / "plan", *words[1:])
            assert done.returncode == UNAVAILABLE and b"the store's key" in done.stderr, done
        assert (store / "key").read_bytes() == key and (home / "plan").read_bytes() == b"a plan"
        (store / "key").chmod(0o600)
        assert as_nobody("verify", home / "plan").returncode == MATCH
        # Root's files and folders: refused, and nothing is left behind.
        (home / "rooted").write_bytes(b"root's")
        (home / "rooted").chmod(0o600)
        assert as_nobody("protect", home / "rooted").returncode == 4
        (folder / "closed").write_bytes(b"in a folder of root's")
        done = as_nobody("protect", folder / "closed")
        assert done.returncode == 4 and b"no file can be made in its folder" in done.stderr
        assert as_nobody("verify", folder / "closed").returncode == NO_ANCHOR


# ---- system calls ----

CHANGES = "openat,write,fsync,renameat,unlinkat,mkdir,fchmod,fchown,fcntl,mkdirat,rename,renameat2,unlink,link,linkat,ftruncate"


def traced(files, log, *words, inject=None, input=b""):
    before = ["strace", "-qq", "-y", "-o", log, "-e", f"trace={CHANGES},chmod,fchmodat,umask", *(["-e", f"inject={inject[0]}:{inject[1]}"] if inject else [])]
    return files.tool(*words, before=before, input=input)


def steps(log, files):
    """What changes files, in order: rows like `fsync plan.txt.hmac.next`."""
    names = {files.folder.name: "FOLDER", files.store.name: "STORE", f".holdfast-{files.entry().name[:16]}.tmp": "CONTENT"}
    names |= {files.entry().name: "ENTRY", files.entry().name + ".next": "ENTRY.next"}
    found = []
    for line in log.read_text().splitlines():
        call, rest = line.split("(", 1)
        call = "create" if call == "openat" and "O_CREAT" in rest else call.removesuffix("at")
        if call in ("create", "fsync", "rename", "mkdir") and '"lock"' not in rest and " = -1 " not in rest:
            paths = re.findall(r'"([^"]*)"', rest) or re.findall(r"<([^>]*)>", rest)[:1]
            found.append(" ".join([call, *(names.get(Path(p).name, Path(p).name) for p in paths)]))
    return found


@needs_strace
def test_order_of_a_write(files, tmp_path):
    """What a power cut may take is what was not synced: nothing counts on a name, or on bytes, before they are."""
    entry = ["create ENTRY.next", "fsync ENTRY.next", "rename ENTRY.next ENTRY", "fsync STORE"]
    files.put(b"old").fine("protect")
    assert traced(files, tmp_path / "log", "write", input=b"new").returncode == 0
    assert steps(tmp_path / "log", files) == [
        "create CONTENT", "fsync CONTENT", "create plan.txt.hmac.next", "fsync plan.txt.hmac.next", "fsync FOLDER", *entry,
        "rename CONTENT plan.txt", "fsync FOLDER", "rename plan.txt.hmac.next plan.txt.hmac", "fsync FOLDER", *entry]


@needs_strace
def test_order_of_a_first_protection(files, tmp_path):
    entry = ["create ENTRY.next", "fsync ENTRY.next", "rename ENTRY.next ENTRY", "fsync STORE"]
    files.put(b"old")
    assert traced(files, tmp_path / "log", "protect").returncode == 0
    assert steps(tmp_path / "log", files) == [
        "mkdir state", "fsync FOLDER", "mkdir STORE", "fsync state", "create key.lock", "create key.next", "fsync key.next", "rename key.next key", "fsync STORE", "fsync STORE",
        "create plan.txt.hmac.next", "fsync plan.txt.hmac.next", "fsync FOLDER", *entry,
        "rename plan.txt.hmac.next plan.txt.hmac", "fsync FOLDER", *entry]


@needs_strace
def test_files_have_their_mode_from_the_first_moment(files, tmp_path):
    """Weakness 16: no chmod, and 0600 or 0700 where they are made."""
    files.put(b"old")
    assert traced(files, tmp_path / "log", "protect").returncode == 0
    text = (tmp_path / "log").read_text()
    assert "chmod" not in text and "umask" not in text
    made = re.findall(r'openat\([^"]*"([^"]+)", ([A-Z_|]*O_CREAT[A-Z_|]*), (0\d+)\)', text)
    assert {name for name, _, _ in made} == {"lock", "key.lock", "key.next", files.entry().name + ".next", "plan.txt.hmac.next"}
    assert all(mode == "0600" and "O_NOFOLLOW" in flags and "O_CLOEXEC" in flags for _, flags, mode in made), made
    assert all("O_EXCL" in flags for name, flags, _ in made if name not in ("lock", "key.lock"))
    assert set(re.findall(r"mkdir\(.*, (0\d+)\)", text)) == {"0700"}
    assert all("O_NOFOLLOW" in line for line in text.splitlines() if re.search(r'openat\([^"]*"(key|lock|plan\.txt|plan\.txt\.hmac)"', line))


@needs_strace
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "first"])
def test_killed_before_each_sync_and_rename(files, tmp_path, protected):
    """The shipped program; other calls, every scenario, and calls that fail: tests/unit/file/test_cut.c."""
    old, new = (MATCH if protected else NO_ANCHOR, b"old"), (MATCH, b"new")
    seen = Counter()
    for call in ("fsync", "renameat"):
        nth, dead = 1, True
        while dead:
            shutil.rmtree(files.folder)
            files.folder.mkdir()
            files.put(b"old")
            if protected:
                files.fine("protect")
            done = traced(files, tmp_path.parent / "log", "write", inject=(call, f"signal=KILL:when={nth}"), input=b"new")
            dead = done.returncode != 0
            state = (files.tool("verify").returncode, files.path.read_bytes())
            assert state in (old, new), (call, nth, state)
            assert files.tool("write", input=b"newer").returncode == 0 and files.fine("read") == b"newer", (call, nth)
            assert sorted(p.name for p in files.folder.iterdir()) == ["plan.txt", "plan.txt.hmac", "state"], (call, nth)
            seen[call, state[1]] += dead
            nth += 1
    print(dict(seen))
    assert all(seen[call, content] > 0 for call in ("fsync", "renameat") for content in (b"old", b"new"))
