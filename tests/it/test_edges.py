"""What the built programs are made of: which libraries and functions are in each, and how they were hardened.

The layer check judges the source; these tests judge the binaries that are shipped.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGE = Path(os.environ.get("HOLDFAST_STAGE") or ROOT / "build" / "stage")
C_LIBRARY = {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libm.so.6"}
CRYPTO, TLS, JSON, HTTP, SQL, INI = "libcrypto.so.3", "libssl.so.3", "libyyjson.so.0", "libllhttp.so.9.2", "libsqlite3.so.0", "libinih.so.1"

# program: (path below the stage, the foreign libraries that it may name)
PROGRAMS = {
    "holdfastd": ("bin/holdfastd", set()),
    "holdfast": ("bin/holdfast", {"libcurl.so.4", JSON}),
    "core": ("libexec/holdfast/core", {CRYPTO}),
    "store": ("libexec/holdfast/store", {SQL}),
    "gateway": ("libexec/holdfast/gateway", {CRYPTO, TLS, JSON, HTTP}),
    "verifier-token": ("libexec/holdfast/verifier-token", {CRYPTO, JSON}),
    "config": ("libexec/holdfast/config", {CRYPTO, JSON, INI}),
    "holdfast-unseal": ("libexec/holdfast/holdfast-unseal", {CRYPTO}),
    "init": ("libexec/holdfast/init", {CRYPTO, TLS, JSON, SQL}),
    "mint": ("libexec/holdfast/mint", {CRYPTO, JSON}),
    "hpke-seal": ("libexec/holdfast/hpke-seal", {CRYPTO}),
    "reseal": ("libexec/holdfast/reseal", {CRYPTO}),
    "verify-offline": ("libexec/holdfast/verify-offline", {CRYPTO, JSON}),
}

# program: what its symbol table must not define, with the reason
FORBIDDEN_INSIDE = {
    "gateway": (r"hf_(seal|record|root_key|epoch|version_seal|version_open|wrap|dek|key_seal|key_open|key_generate)\w*", "no key at rest in the exposed process"),
    "holdfastd": (r"hf_(key|gcm|seal|record|root_key|jws|json|http|x509)\w*", "the supervisor holds no keys and parses nothing from outside"),
    "holdfast": (r"hf_(key|gcm|seal|record|root_key|jws|x509)\w*", "the command line holds no crypto"),
    "core": (r"hf_(http|x509|json|jws|stream|seal_find|keysetfmt)\w*|sqlite3_\w+|yyjson_\w+|llhttp_\w+", "core parses only its own codec"),
    "store": (r"hf_(key_generate|key_sign|key_open|key_seal|wrap_open|version_open|root_key|jws|json|http|x509)\w*", "the store never sees a plaintext key"),
    "verifier-token": (r"hf_(key_generate|key_record|version|wrap|dek|root_key|http|seal)\w*", "the verifier holds no key at rest and makes none"),
    "holdfast-unseal": (r"hf_(http|jws|json|x509|stream|key_record|version)\w*|sqlite3_\w+", "unseal reads one sealed root key and nothing else"),
}

# what core must not even be able to call
FORBIDDEN_IN_CORE = (
    r"dlopen|dlsym|getaddrinfo|gethostby\w+|getpw\w+|getgrnam\w*|getgrgid\w*|setlocale|newlocale|regcomp|\w*scanf|fopen\w*|popen|system|"
    r"exec\w+|fork|vfork|posix_spawn\w*|socket|connect|bind|listen|accept4?|open|openat|creat|unlink\w*|rename\w*"
)


def program(name):
    path = STAGE / PROGRAMS[name][0]
    assert path.is_file(), f"{path} is not built"
    return path


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def needed(path):
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", path)))


def symbols(path, which):
    lines = output("nm", which, path).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if line.strip()}


def codec():
    """The functions of the generated message codec: every process has those of the messages it speaks."""
    headers = (ROOT / "src/proto/gen/messages.h", ROOT / "src/proto/codec.h")
    return {name for h in headers for name in re.findall(r"\b(hf_\w+)\(", h.read_text())}


@pytest.mark.parametrize("name", PROGRAMS)
def test_libraries(name):
    extra = needed(program(name)) - C_LIBRARY - PROGRAMS[name][1]
    assert not extra, f"{name} links {', '.join(sorted(extra))}"


@pytest.mark.parametrize("name", FORBIDDEN_INSIDE)
def test_code_that_must_not_be_inside(name):
    pattern, why = FORBIDDEN_INSIDE[name]
    inside = sorted(s for s in symbols(program(name), "--defined-only") - codec() if re.fullmatch(pattern, s))
    assert not inside, f"{why}, but {name} contains {', '.join(inside)}"


def test_the_symbol_tables_say_something():
    """The tests above would pass on stripped programs; here they must find what is certainly inside."""
    assert any(s.startswith("hf_key_sign") for s in symbols(program("core"), "--defined-only"))
    assert any(s.startswith("hf_http") for s in symbols(program("gateway"), "--defined-only"))
    assert any(s.startswith("hf_channel") for s in symbols(program("holdfastd"), "--defined-only"))


def test_core_cannot_call_what_it_has_no_need_of():
    found = sorted(s for s in symbols(program("core"), "--undefined-only") if re.fullmatch(FORBIDDEN_IN_CORE, s))
    assert not found, f"core imports {', '.join(found)}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_test_hooks(name):
    hooks = sorted(s for s in symbols(program(name), "--defined-only") if re.search(r"_for_tests?$|_test_hook|inject_fault|^mock_|^__wrap_", s))
    assert not hooks, f"{name} ships {', '.join(hooks)}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_hardening(name):
    path = program(name)
    dynamic, headers = output("readelf", "-d", path), output("readelf", "-lW", path)
    imported = symbols(path, "--undefined-only")
    assert "PIE" in dynamic, "position independent"
    assert "BIND_NOW" in dynamic and "GNU_RELRO" in headers, "full RELRO"
    assert re.search(r"GNU_STACK.*\bRW\b", headers), "the stack is not executable"
    assert not re.search(r"LOAD.*\bRWE\b", headers), "no segment is writable and executable"
    assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert "__stack_chk_fail" in imported, "stack protector"
    assert any(s.endswith("_chk") for s in imported - {"__stack_chk_fail"}), "_FORTIFY_SOURCE"
    if "x86-64" in output("readelf", "-h", path).lower():
        entry = output("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", path)
        assert re.search(r"<main>:\n.*\bendbr64\b", entry), "control-flow protection"
