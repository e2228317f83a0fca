"""The pages of section 3 say what the headers say: each function in one page, with its declaration and its errors."""
import os
import re
import shlex
import subprocess

import pytest

from library import HEADERS, INCLUDE, MEMORY, STAGE, WHOLE, declared, prototypes, run, squeezed, without_comments

MAN = STAGE / "share" / "man" / "man3"
PAGES = sorted(p.name for p in MAN.iterdir() if not p.is_symlink())
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "FUNCTIONS", "ERRORS", "THREADS, SIGNALS, FORK", "EXAMPLE", "SEE ALSO"]
FUNCTIONS = {name: text for header in declared().values() for name, text in header.items()}


def source(page):
    return (MAN / page).read_text()


def section(page, title):
    found = re.search(rf"^\.SH {re.escape(title)}\n(.*?)(?=^\.SH |\Z)", source(page), re.MULTILINE | re.DOTALL)
    assert found, (page, title)
    return found.group(1)


def plain(text):
    """Without macros and fonts."""
    lines = []
    for line in text.splitlines():
        if line.startswith((".B ", ".BI ", ".BR ")):
            macro, _, rest = line.partition(" ")
            words = shlex.split(rest)
            lines.append((" " if macro == ".B" else "").join(words))
        elif not line.startswith("."):
            lines.append(re.sub(r"\\f[RPBI]|\\&", "", line))
    return "\n".join(lines).replace("\\-", "-").replace("\\e", "\\")


def described(page):
    """The functions that the page has an entry for."""
    return [name for line in re.findall(r"^\.TP\n(\.BR .*)$", section(page, "FUNCTIONS"), re.MULTILINE) for name in re.findall(r"\b(hf_\w+)", line)]


def test_there_is_a_page_for_each_header():
    included = {name for page in PAGES for name in re.findall(r"#include <holdfast/(\w+\.h)>", section(page, "SYNOPSIS"))}
    assert included == set(HEADERS)


@pytest.mark.parametrize("page", PAGES)
def test_sections_come_in_their_order(page):
    found = re.findall(r"^\.SH (.*)$", source(page), re.MULTILINE)
    assert [s for s in found if s in SECTIONS] == SECTIONS
    assert source(page).startswith(f".TH {page[:-2].upper()} 3 ".replace("-", "\\-"))


def test_each_function_is_in_one_page():
    entries = sorted(name for page in PAGES for name in described(page))
    assert entries == sorted(FUNCTIONS)


@pytest.mark.parametrize("page", PAGES)
def test_declarations_are_those_of_the_headers(page):
    shown = plain(section(page, "SYNOPSIS"))
    found = prototypes(re.sub(r"(?m)^(?=\S[^#\n]*\bhf_\w+\()", "HF_API ", re.sub(r"^cc .*$", "", shown, flags=re.MULTILINE)))
    assert sorted(found) == sorted(described(page))
    for name, text in found.items():
        assert text == FUNCTIONS[name], name
        header, = [h for h, functions in declared().items() if name in functions]
        assert f"#include <holdfast/{header}>" in shown, name
    module = WHOLE if {"file.h", "sealed.h"} & set(re.findall(r"holdfast/(\w+\.h)", shown)) else MEMORY
    assert f"$(pkg-config --cflags --libs {module})" in shown


def structures(text):
    return {name: squeezed(body) for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", without_comments(text), re.DOTALL)}


@pytest.mark.parametrize("page", PAGES)
def test_structures_are_those_of_the_headers(page):
    known = {}
    for header in HEADERS:
        known |= structures((INCLUDE / header).read_text())
    for name, body in structures(plain(source(page))).items():
        assert body == known[name], name


@pytest.mark.parametrize("header", HEADERS)
def test_every_structure_is_shown(header):
    """But those that callers only carry around, or fill from another page's tables."""
    shown = {name for page in PAGES for name in structures(plain(source(page)))}
    assert set(structures((INCLUDE / header).read_text())) - shown <= {"hf_file_store", "hf_harden_why"}


@pytest.mark.parametrize("page", PAGES)
def test_names_that_a_page_uses_exist(page):
    everything = "".join((INCLUDE / h).read_text() for h in HEADERS)
    errors = set(re.findall(r"^    X\((\w+),", everything, re.MULTILINE))
    for name in set(re.findall(r"\bHF_\w+", plain(source(page)))):
        assert name in everything or name[len("HF_ERR_"):] in errors or name[len("HF_CLASS_"):] in everything, name
    for name in set(re.findall(r"\b(hf_\w+)\(\)", plain(source(page)))):
        assert name in FUNCTIONS, name


def test_errors_that_a_header_names_are_in_its_page():
    """What the comment of a function says it returns, its page explains."""
    for header in sorted(set(HEADERS) - {"err.h", "version.h"}):
        pages = [p for p in PAGES if f"<holdfast/{header}>" in section(p, "SYNOPSIS").replace("\\", "")]
        explained = {e for p in pages for e in re.findall(r"HF_ERR_\w+", section(p, "ERRORS"))}
        named = set(re.findall(r"\bHF_ERR_\w+", (INCLUDE / header).read_text()))
        assert named - {"HF_ERR_INTERNAL"} <= explained, header


def test_each_function_has_a_link():
    links = {p.name[:-2]: os.readlink(p) for p in MAN.iterdir() if p.is_symlink()}
    assert links == {name: page for page in PAGES for name in described(page)}


def test_man_finds_a_function():
    done = subprocess.run(["mandoc", "-Tascii", str(MAN / "hf_pool_alloc.3")], capture_output=True, text=True)
    assert done.returncode == 0 and "HOLDFAST-POOL(3)" in done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_well_formed(page):
    done = subprocess.run(["mandoc", "-Tlint", "-Wall", str(MAN / page)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout + done.stderr == "", done.stdout


# What the parts of programs in the pages do not show.
STAND_INS = """
#include <err.h>
#include <holdfast/arena.h>
#include <holdfast/file.h>
#include <holdfast/harden.h>
#include <holdfast/sealed.h>
#include <stdio.h>

void use(const void *bytes, size_t n), log_in(const void *bytes, size_t n), parse(const void *bytes, size_t n), give(void *p);
void *take(size_t n), *resize(void *p, size_t n);
void CRYPTO_set_mem_functions(void *(*)(size_t), void *(*)(void *, size_t), void (*)(void *));
extern hf_arena *arena;
extern hf_pool *pool;
extern hf_coffer *coffer;
extern hf_secret *password;
extern unsigned char tag[32], expected[32];
extern char pin[16];
extern const char *why;
"""


@pytest.mark.parametrize("page", PAGES)
def test_examples_compile(page, tmp_path):
    code = plain(section(page, "EXAMPLE"))
    if "int main" not in code:
        code = f"{STAND_INS}\nhf_err part(void);\nhf_err part(void)\n{{\n{code}\nreturn HF_OK;\n}}\n"
    (tmp_path / "x.c").write_text(code)
    run("cc", "-Wall", "-Werror", f"-I{INCLUDE.parent}", "-c", tmp_path / "x.c", "-o", tmp_path / "x.o")
