"""Strict mode: a protection that cannot be had is a refusal to start that says which; and nothing in the shipped programs goes round it."""
import ctypes
import os
import re
import subprocess

import pytest

from attack import TOOLS, open_folder, stage_copy
from hsm import STAGE, Hsm

HAS_SECRETMEM = ctypes.CDLL(None).syscall(447, 0) >= 0
PROGRAMS = sorted([*(STAGE / "libexec/holdfast").glob("*"), STAGE / "bin/holdfastd"])
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="the protections of strict mode need a start as root")


def strict_env(value="1"):
    return {**os.environ, "HOLDFAST_STRICT": value}


@pytest.fixture
def folder():
    with open_folder() as f:
        yield f


def protections(hsm):
    return {(r["process"], r["name"]): (r["state"], r["why"]) for r in hsm.get("/api/v1/capabilities").json["protections"]}


@as_root
@pytest.mark.skipif(not HAS_SECRETMEM, reason="this kernel has no memfd_secret")
def test_strict_start_as_root_has_everything(tmp_path):
    hsm = Hsm(tmp_path / "hsm").init().start(env=strict_env())
    try:
        assert hsm.get("/api/v1/capabilities").json["strict"] is True
        states = protections(hsm)
        assert {state for state, _ in states.values()} == {"active"}, states
        wanted = {"no-core", "not-dumpable", "own-uid", "no-capabilities", "no-new-privs", "landlock", "seccomp"}
        for process in ("core", "store", "gateway", "verifier-token"):
            assert wanted <= {name for p, name in states if p == process}, process
        assert ("core", "locked-memory") in states
        hsm.create("strict", "ec-p256")
    finally:
        hsm.stop()


@as_root
def test_strict_start_as_an_ordinary_user_is_refused(folder):
    hsm = Hsm(folder / "hsm", stage=stage_copy(folder), run_as="nobody").init()
    hsm.start(wait=False, env=strict_env())
    code, log = hsm.wait_refused(60)
    assert code != 0 and "holdfastd: ready" not in log
    refusals = re.findall(r"^([\w-]+): strict mode refuses to go on: ([\w-]+): (.+)$", log, re.MULTILINE)
    assert "config does not start (exit code 1); its reason stands above" in log and "gave no answer" not in log
    assert refusals and all(name in ("empty-netns", "own-uid", "locked-memory") and "root" in why for _, name, why in refusals), log
    hsm.start() # control: without strict mode it starts, and says what it lacks
    try:
        state, why = protections(hsm)["core", "own-uid"]
        assert state == "degraded" and "root" in why
    finally:
        hsm.stop()


@as_root
def test_strict_start_without_secret_memory_is_refused(folder):
    hsm = Hsm(folder / "hsm").init()
    plain = hsm.command
    hsm.command = lambda *words: plain(TOOLS / "no-memfd-secret", *words)
    hsm.start(wait=False, env=strict_env())
    code, log = hsm.wait_refused(60)
    assert code != 0
    assert "memfd_secret" in log and "secretmem.enable=1" in log, log


@pytest.mark.parametrize("value", ["2", "", "yes", "01", "true"])
def test_other_values_are_an_error(tmp_path, value):
    hsm = Hsm(tmp_path / "hsm").init()
    hsm.start(wait=False, env=strict_env(value))
    code, log = hsm.wait_refused(20)
    assert code == 2
    assert "HOLDFAST_STRICT must be 1 or 0" in log


# ---- the files that are shipped ----

def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.name for p in PROGRAMS])
def test_no_test_hook_is_shipped(program):
    symbols = {line.split()[-1] for line in run("nm", "--defined-only", program).splitlines()}
    assert len(symbols) > 50 # not stripped: the check sees something
    assert {s for s in symbols if re.search(r"(^|_)(test|tests|mock|stub|hook|fault|faults|fuzz|cmocka|asan|ubsan)(_|$)|^__(wrap|real)_", s)} == set()
    assert b"cmocka" not in program.read_bytes()


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.name for p in PROGRAMS])
def test_no_hidden_setting(program):
    """Every environment variable that a program can ask for is one that its help or the documentation names."""
    known = {"HOLDFAST_STRICT", "AUNSORM_STRICT", "HOLDFAST_DATA", "HOLDFAST_ANCHOR", "HOLDFAST_CONFIG", "HOLDFAST_SOCKET", "HOLDFAST_FILE_STORE", "HOLDFAST_JOURNAL_FD"}
    found = {m.decode() for m in re.findall(rb"(?:HOLDFAST|AUNSORM)_[A-Z_]+", program.read_bytes())}
    assert found <= known, found - known


LINKED = {
    "core": {"crypto", "c"}, "gateway": {"yyjson", "ssl", "crypto", "llhttp", "c"}, "verifier-token": {"crypto", "yyjson", "c"},
    "store": {"sqlite3", "c"}, "holdfastd": {"c"}, "config": {"yyjson", "inih", "c"}, "holdfast-unseal": {"crypto", "c"},
}


@pytest.mark.parametrize("name", LINKED)
def test_links(name):
    """What a process cannot call is not there: core has no JSON, HTTP, TLS or SQL; supervisor, config and store have no cryptography."""
    program = next(p for p in PROGRAMS if p.name == name)
    needed = set(re.findall(r"NEEDED.*\[(?:lib)?([a-z0-9-]+?)(?:\.so|-x86|-linux)", run("readelf", "-d", program))) - {"ld"}
    assert needed == LINKED[name]


# Functions of parts that a process must not contain, by their prefixes.
FOREIGN = {
    "gateway": ("hf_root_key", "hf_key_generate", "hf_key_load_private", "hf_epoch", "hf_wrap", "hf_version_open", "hf_seal_"),
    "store": ("hf_root_key", "hf_key_", "hf_epoch", "hf_wrap_", "hf_version_", "hf_seal_", "hf_gcm", "hf_json", "hf_http"),
    "verifier-token": ("hf_root_key", "hf_key_generate", "hf_epoch", "hf_wrap_", "hf_version_", "hf_seal_", "hf_gcm_", "hf_http"),
    "core": ("hf_seal_", "hf_json", "hf_http", "hf_jws", "yyjson", "sqlite3"),
    "holdfastd": ("hf_root_key", "hf_key_", "hf_gcm", "hf_epoch", "hf_wrap_", "hf_version_", "hf_seal_", "hf_json", "hf_http"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_no_function_of_another_part(name):
    program = next(p for p in PROGRAMS if p.name == name)
    symbols = {line.split()[-1] for line in run("nm", program).splitlines() if line.split()[-2] in "tT"}
    assert any(s.startswith("hf_channel_") for s in symbols)
    messages = re.compile(r".*_(encode|decode|next)$") # of the codec, by which the message is named
    assert {s for s in symbols if s.startswith(FOREIGN[name]) and not messages.match(s)} == set()


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.name for p in PROGRAMS])
def test_hardening_flags(program):
    assert re.search(r"Type:\s+DYN", run("readelf", "-h", program))
    dynamic = run("readelf", "-d", program)
    assert "BIND_NOW" in dynamic and "PIE" in dynamic and "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    segments = run("readelf", "-lW", program)
    assert "GNU_RELRO" in segments and re.search(r"GNU_STACK.* RW +0x", segments)
    assert not re.search(r"LOAD.* RWE ", segments)
    undefined = run("nm", "-D", "--undefined-only", program)
    assert "__stack_chk_fail" in undefined and re.search(r"__\w+_chk", undefined)
    if os.uname().machine == "x86_64":
        # Branch targets are marked (-fcf-protection); the mark of the whole file depends on the C library's start files.
        assert program.read_bytes().count(b"\xf3\x0f\x1e\xfa") > 50
