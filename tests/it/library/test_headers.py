"""Each public header compiles alone, in every C and C++ that people use, under warnings that strict projects turn on."""
import re

import pytest

from library import HEADERS, INCLUDE, ROOT, declared, pkg_config, run

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Wredundant-decls", "-Werror"]
C_WARNINGS = ["-Wstrict-prototypes", "-Wmissing-prototypes", "-Wc++-compat"]
CXX_WARNINGS = ["-Wold-style-cast", "-Wzero-as-null-pointer-constant", "-Wextra-semi"]
LANGUAGES = [
    *[(cc, "c", std, [*WARNINGS, *C_WARNINGS]) for cc in ("gcc", "clang") for std in ("c11", "c17", "c23")],
    *[(cc, "c++", std, [*WARNINGS, *CXX_WARNINGS]) for cc in ("g++", "clang++") for std in ("c++11", "c++17", "c++23")],
]


@pytest.mark.parametrize("compiler, language, std, options", LANGUAGES, ids=lambda v: v if isinstance(v, str) else "")
def test_each_header_alone(compiler, language, std, options, tmp_path):
    for name in HEADERS:
        # not a system header, whose warnings compilers leave out
        source = tmp_path / f"{name[:-2]}.{'c' if language == 'c' else 'cc'}"
        source.write_text(f"#include <holdfast/{name}>\n#include <holdfast/{name}>\n\nint main(void);\n\nint main(void)\n{{\n    return 0;\n}}\n"
                          if language == "c" else f"#include <holdfast/{name}>\n#include <holdfast/{name}>\n\nint main()\n{{\n}}\n")
        run(compiler, "-x", language, f"-std={std}", *options, f"-I{INCLUDE.parent}", "-fsyntax-only", source)


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_pulls_in_others_libraries(name):
    """OpenSSL's types, and names outside C's own headers, stay out of programs that include ours."""
    included = set(re.findall(r'#include [<"]([^>"]+)[>"]', (INCLUDE / name).read_text()))
    assert {i for i in included if not i.startswith("holdfast/")} <= {"stdbool.h", "stddef.h", "stdint.h"}


@pytest.mark.parametrize("name", HEADERS)
def test_names_begin_with_hf(name, tmp_path):
    macros = re.findall(r"^#define (\w+)", (INCLUDE / name).read_text(), re.MULTILINE)
    assert [m for m in macros if not m.startswith(("HF_", "HOLDFAST_"))] == []
    source = tmp_path / "x.c"
    source.write_text(f"#include <holdfast/{name}>\n")
    ours = run("gcc", "-E", f"-I{INCLUDE.parent}", source)
    ours = "".join(part.split("\n", 1)[1] for part in re.split(r'^# \d+ (?=")', ours, flags=re.MULTILINE)[1:] if "/holdfast/" in part.split("\n", 1)[0])
    names = re.findall(r"\b(?:struct|enum|union) (\w+) \{|\}\s*(\w+);|\b(\w+)\(", ours)
    flat = {n for group in names for n in group if n} - {"__attribute__", "visibility", "warn_unused_result", "_Static_assert"}
    assert flat and {n for n in flat if not n.lower().startswith("hf_")} <= {"get", "put", "erase", "lock", "unlock"}


def test_only_public_headers_are_installed():
    assert {p.name for p in (ROOT / "include" / "holdfast").iterdir()} == set(HEADERS)
    for name in HEADERS:
        assert (INCLUDE / name).read_bytes() == (ROOT / "include" / "holdfast" / name).read_bytes()
    assert all(declared().values())


def test_the_search_path_is_what_pkg_config_says():
    assert [w for w in pkg_config("--cflags", "holdfast-mem") if w.startswith("-I")][0].endswith("/include")
