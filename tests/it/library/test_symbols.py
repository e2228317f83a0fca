"""What the libraries promise to programs that are linked with them: symbols and their versions, error values, layouts.

    HOLDFAST_STAGE=... python3 tests/it/library/test_symbols.py      writes the snapshots anew, for a change that is meant
"""
import re
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from library import HEADERS, INCLUDE, MEMORY, ROOT, SNAPSHOTS, STAGE, WHOLE, compiled, declared, prototypes, run, shared, symbols, without_comments  # noqa: E402

LIBRARIES = [MEMORY, WHOLE]
# Of the neighbours, what one may need of the other beyond the public functions; programs cannot link with these.
PRIVATE = "_PRIVATE"

def public(name):
    return {s: v for s, v in symbols(shared(name)).items() if not v.endswith(PRIVATE)}

def snapshot(file):
    return [line for line in (SNAPSHOTS / file).read_text().splitlines() if line and not line.startswith("#")]

def exported(library):
    return sorted(f"{name} {version}" for name, version in public(library).items())


@pytest.mark.parametrize("library", LIBRARIES)
def test_exported_symbols(library):
    """A line that goes breaks programs; a new one is a promise."""
    assert exported(library) == snapshot(f"symbols-{library}.txt")

def test_what_headers_declare_is_what_libraries_export():
    promised = {name for header in declared().values() for name in header}
    exported = [*public(MEMORY), *public(WHOLE)]
    assert sorted(exported) == sorted(promised)

def test_no_header_promises_without_saying_so():
    """A function that is declared without HF_API would compile and not link."""
    for name in HEADERS:
        text = re.sub(r"^[ \t]*#.*(?:\\\n.*)*$", "", without_comments((INCLUDE / name).read_text()), flags=re.MULTILINE)
        text = re.sub(r"\{[^{}]*\}", "", re.sub(r'extern "C" \{', "", text))
        functions = set(re.findall(r"\b(hf_\w+)\s*\([^;]*\)\s*;", text))
        assert functions == set(prototypes((INCLUDE / name).read_text())), name

@pytest.mark.parametrize("library", LIBRARIES)
def test_versions_go_up(library):
    text = (ROOT / "src" / "libholdfast" / f"{library}.map").read_text()
    blocks = re.findall(r"^(HOLDFAST\w*_(\d+)\.(\d+)) \{", text, re.MULTILINE)
    numbers = [(int(a), int(b)) for _, a, b in blocks]
    assert numbers and numbers == sorted(set(numbers))
    assert text.count("    *;") == 1

def imported(library):
    """Under their plain names: which form of a function the compiler takes depends on its options."""
    names = {line.split()[-1].split("@")[0] for line in run("nm", "-D", "--undefined-only", shared(library)).splitlines() if " U " in line}
    return sorted({re.sub(r"^__isoc23_|^__(?=\w+(_chk|64_2)$)|^v(?=snprintf)|_chk$|(64)?(_2)?$", "", name.replace("__vsnprintf", "__snprintf")) for name in names})


def test_the_memory_library_needs_libc_alone():
    needed = re.findall(r"NEEDED.*\[(.+)\]", run("readelf", "-d", shared(MEMORY)))
    assert [n for n in needed if not n.startswith(("libc.so", "ld-linux"))] == []
    assert imported(MEMORY) == snapshot("imports-holdfast-mem.txt")

def test_the_other_one_needs_it_and_libcrypto():
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", run("readelf", "-d", shared(WHOLE))))
    assert {n for n in needed if not n.startswith("ld-linux")} == {"libc.so.6", "libcrypto.so.3", "libholdfast-mem.so.0"}

def test_no_function_of_ours_is_in_both():
    """A second copy of the pools' state would be wiped by nobody."""
    def code_and_data(name):
        lines = run("nm", "--defined-only", shared(name)).splitlines()
        return {line.split()[-1].split("@")[0] for line in lines if line.split()[-2] in "TtDdBb" and line.split()[-1].startswith("hf_")}
    memory, whole = code_and_data(MEMORY), code_and_data(WHOLE)
    assert len(memory) > 40 and memory & whole == set()

@pytest.mark.parametrize("library", LIBRARIES)
def test_static_archives_take_no_names_of_others(library):
    lines = run("nm", "--defined-only", "--extern-only", STAGE / "lib" / f"lib{library}.a").splitlines()
    names = {line.split()[-1] for line in lines if len(line.split()) == 3}
    assert len(names) > 20 and {n for n in names if not n.startswith("hf_")} == set()

@pytest.mark.parametrize("library", LIBRARIES)
def test_soname_and_protections_of_the_file(library):
    said = run("readelf", "-dlW", shared(library))
    assert f"Library soname: [lib{library}.so.0]" in said
    assert "NODELETE" in said and "NOW" in said and "GNU_RELRO" in said
    assert re.search(r"GNU_STACK.* RW ", said) and "TEXTREL" not in said

def test_little_static_thread_storage():
    """It is taken from a reserve of a few hundred bytes when a program loads the library late."""
    found = re.search(r"^ +TLS +0x\w+ 0x\w+ 0x\w+ 0x\w+ (0x\w+)", run("readelf", "-lW", shared(MEMORY)), re.MULTILINE)
    assert found and int(found.group(1), 16) <= 384
    assert "TLS" not in run("readelf", "-lW", shared(WHOLE))

# ---- values and layouts that are compiled into programs ----

def error_values(folder):
    program = compiled(folder, """
        #include <holdfast/err.h>
        #include <stdio.h>
        #define ROW(name, klass, word, text) printf("%d %s %d " #klass "\\n", HF_ERR_##name, hf_err_name(HF_ERR_##name), HF_CLASS_##klass);
        int main(void) { HF_ERRORS(ROW) return 0; }
        """, MEMORY)
    return run(program).splitlines()


def test_error_values(tmp_path):
    assert error_values(tmp_path) == snapshot("abi-errors.txt")

def structures(text):
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", without_comments(text), re.DOTALL):
        body = re.sub(r"\(\*(\w+)\)\([^;]*\)", r" \1", body)
        yield name, [re.sub(r"\[.*", "", f).strip() for d in body.split(";") for f in re.sub(r"^.*?(\w+(?:\[\w+\])?(?:,.*)?)$", r"\1", d.strip(), flags=re.DOTALL).split(",") if f.strip()]

def constants(text):
    for body in re.findall(r"typedef enum \w+ \{(.*?)\} \w+;", without_comments(text), re.DOTALL):
        yield from (part.split("=")[0].strip() for part in body.split(",") if re.match(r"\s*HF_\w+\s*(=|$)", part))
    yield from re.findall(r"^#define (HF_\w+) (?=[U\d(])", without_comments(text), re.MULTILINE)

def layouts(folder):
    lines = []
    for header in HEADERS:
        text = (INCLUDE / header).read_text()
        for name, fields in structures(text):
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            lines += [f'printf("{name}.{f} %zu+%zu\\n", offsetof({name}, {f}), sizeof((({name} *)0)->{f}));' for f in fields]
        if header not in ("err.h", "version.h"):
            lines += [f'printf("{name} %lld\\n", (long long)({name}));' for name in constants(text)]
    includes = "".join(f"#include <holdfast/{h}>\n" for h in HEADERS)
    program = compiled(folder, f"{includes}#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{{\n{chr(10).join(lines)}\nreturn 0;\n}}\n", MEMORY)
    return run(program).splitlines()


def test_layouts_and_constants(tmp_path):
    """Of 64-bit machines; others differ by the sizes of size_t and pointers alone."""
    found = layouts(tmp_path)
    assert len(found) > 100 and found == snapshot("abi-layouts.txt")

def test_the_version_is_the_projects(tmp_path):
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text()).group(1)
    program = compiled(tmp_path, """
        #include <holdfast/version.h>
        #include <stdio.h>
        int main(void) { printf("%s %s %d\\n", HF_VERSION_STRING, hf_version(), hf_version_number() == HF_VERSION); return 0; }
        """, MEMORY)
    assert run(program) == f"{version} {version} 1\n"
    assert tuple(map(int, version.split("."))) == tuple(int(re.search(rf"VERSION_{p} (\d+)", (INCLUDE / "version.h").read_text()).group(1)) for p in ("MAJOR", "MINOR", "PATCH"))
    assert shared(MEMORY).name == f"libholdfast-mem.so.{version}"



def write_snapshots():
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "symbols-holdfast-mem.txt": ("The symbols that libholdfast-mem exports, with the release that brought them.", exported(MEMORY)),
            "symbols-holdfast.txt": ("The symbols that libholdfast exports, with the release that brought them.", exported(WHOLE)),
            "imports-holdfast-mem.txt": ("All that libholdfast-mem takes from libc.", imported(MEMORY)),
            "abi-errors.txt": ("Value, word and class of each error: rows are appended, never moved.", error_values(Path(folder))),
            "abi-layouts.txt": ("Sizes, offset+size of members, and constants that are compiled into programs.", layouts(Path(folder))),
        }
        for name, (what, lines) in found.items():
            (SNAPSHOTS / name).write_text(f"# {what}\n" + "".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    write_snapshots()
