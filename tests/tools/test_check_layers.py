import pytest
from tree import run, write


def judge(tmp_path, **files):
    return run("check-layers", write(tmp_path, **files))


def test_downward_is_fine(tmp_path):
    code, out = judge(tmp_path, **{"src/base/a.h": "", "src/mem/b.h": '#include "base/a.h"\n', "src/core/main.c": '#include "mem/b.h"\n#include <string.h>\n'})
    assert code == 0, out


@pytest.mark.parametrize(
    "user, header, include, says",
    [
        ("src/base/a.c", "src/ipc/b.h", '"ipc/b.h"', "ipc lies above base"),
        ("src/records/a.c", "src/audit/b.h", '"audit/b.h"', "audit lies beside records"),
        ("src/proto/a.c", "src/ipc/b.h", '"ipc/b.h"', "ipc lies above proto"),
        ("src/gateway/a.c", "src/core/b.h", '"core/b.h"', "core is a program"),
        ("src/gateway/a.c", "src/records/b.h", '"records/b.h"', "gateway must not use records"),
        ("src/core/a.c", "src/http/b.h", '"http/b.h"', "core must not use http"),
        ("src/core/a.c", "src/jose/b.h", '"jose/b.h"', "core must not use jose"),
        ("src/cli/a.c", "src/crypto/b.h", '"crypto/b.h"', "cli must not use crypto"),
        ("src/store/a.c", "src/base/b.h", '"base/gone.h"', "leads to no file"),
        ("src/core/a.c", "src/crypto/given.h", '"crypto/given.h"', "only crypto, selftest may include it"),
        ("src/selftest/a.c", "src/crypto/openssl.h", '"crypto/openssl.h"', "only crypto may include it"),
    ],
)
def test_forbidden_edge_is_named(tmp_path, user, header, include, says):
    code, out = judge(tmp_path, **{header: "", user: f"#include {include}\n"})
    assert code == 1 and says in out and f"{user}:1" in out


@pytest.mark.parametrize(
    "user, include",
    [("src/core/a.c", "openssl/evp.h"), ("src/core/a.c", "sqlite3.h"), ("src/core/a.c", "yyjson.h"), ("src/store/a.c", "linux/seccomp.h"), ("src/policy/a.c", "sys/socket.h")],
)
def test_foreign_library_stays_where_it_belongs(tmp_path, user, include):
    code, out = judge(tmp_path, **{user: f"#include <{include}>\n"})
    assert code == 1 and f"{user}:1: {include}" in out


def test_header_that_hides_a_system_header(tmp_path):
    code, out = judge(tmp_path, **{"src/sys/socket.h": ""})
    assert code == 1 and "hides the system's <sys/socket.h>" in out

