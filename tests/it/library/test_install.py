"""What is installed for C programmers, and that the commands of README and guide work as they stand there."""
import os
import re
import shutil
import stat
import subprocess

import pytest

from library import HEADERS, MEMORY, ROOT, STAGE, WHOLE, compiled, flags, pkg_config, run, shared

VERSION = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text()).group(1)


@pytest.mark.parametrize("library", [MEMORY, WHOLE])
def test_libraries_and_links(library):
    lib = STAGE / "lib"
    assert os.readlink(lib / f"lib{library}.so") == f"lib{library}.so.0"
    assert os.readlink(lib / f"lib{library}.so.0") == f"lib{library}.so.{VERSION}"
    for name in (f"lib{library}.so.{VERSION}", f"lib{library}.a", f"pkgconfig/{library}.pc"):
        status = (lib / name).lstat()
        assert stat.S_ISREG(status.st_mode) and status.st_mode & 0o022 == 0, name
    assert run("ar", "t", lib / f"lib{library}.a").count(".o\n") > 5  # members of its own, no thin archive


def test_nothing_else_is_in_the_way():
    assert sorted(p.name for p in (STAGE / "include").iterdir()) == ["holdfast"]
    assert {"arena.h", "err.h", "file.h", "harden.h", "mem.h", "sealed.h", "secret.h", "version.h"} <= set(HEADERS)
    ours = {p.name for p in (STAGE / "lib").iterdir() if p.name.startswith("lib")}
    assert ours == {f"lib{name}{end}" for name in (MEMORY, WHOLE) for end in (".a", ".so", ".so.0", f".so.{VERSION}")}


def test_programs_of_the_hsm_do_not_need_them():
    """Keys of core lie in a library that nobody can put another one in the place of."""
    for program in [*(STAGE / "bin").iterdir(), *(STAGE / "libexec" / "holdfast").iterdir()]:
        with program.open("rb") as f:
            if f.read(4) == b"\x7fELF":
                assert "libholdfast" not in run("readelf", "-d", program), program


# ---- pkg-config ----


def test_versions_of_the_modules():
    assert pkg_config("--modversion", MEMORY, WHOLE) == [VERSION, VERSION]
    assert pkg_config("--validate", MEMORY, WHOLE) == []


def test_what_each_asks_for():
    assert pkg_config("--print-requires", MEMORY) == [] and pkg_config("--print-requires-private", MEMORY) == []
    assert pkg_config("--print-requires", WHOLE) == [MEMORY, "=", VERSION]
    assert pkg_config("--print-requires-private", WHOLE)[0] == "libcrypto"


def test_flags_of_a_shared_link():
    assert [w for w in flags(MEMORY) if w.startswith("-l")] == ["-lholdfast-mem"]
    assert [w for w in flags(WHOLE) if w.startswith("-l")] == ["-lholdfast", "-lholdfast-mem"]


def test_flags_of_a_static_link():
    words = flags(WHOLE, static=True)
    names = [w for w in words if w.startswith("-l")]
    assert names.index("-lholdfast") < names.index("-lholdfast-mem") and "-lcrypto" in names and "-pthread" in words


USES_THEM = '#include <holdfast/mem.h>\n#include <stdio.h>\nint main(void) { puts(hf_backing_name(HF_BACKING_MLOCK)); return 0; }\n'


def test_a_program_finds_the_library_where_it_was_linked(tmp_path):
    """What a newcomer types must run: no LD_LIBRARY_PATH, no ldconfig."""
    program = compiled(tmp_path, USES_THEM, WHOLE)
    bare = {"PATH": os.environ["PATH"]}
    assert run(program, env=bare) == "mlock\n"
    found = run("ldd", program, env=bare)
    assert str(shared(MEMORY).parent) in os.path.realpath(re.search(r"libholdfast-mem\.so\.0 => (\S+)", found).group(1))


def test_an_as_needed_linker_still_finds_what_a_library_needs(tmp_path):
    """The program uses libholdfast alone, so that only that is NEEDED: its own run path leads to the other one."""
    text = "#include <holdfast/sealed.h>\nint main(void) { return hf_sealed_size(1) != 1 + HF_SEALED_OVERHEAD_BYTES; }\n"
    program = compiled(tmp_path, text, WHOLE, options=["-Wl,--as-needed"])
    assert "libholdfast-mem" not in run("readelf", "-d", program)
    run(program, env={"PATH": os.environ["PATH"]})


def test_the_tree_may_be_moved(tmp_path):
    moved = tmp_path / "elsewhere"
    for part in ("include", "lib"):
        shutil.copytree(STAGE / part, moved / part, symlinks=True)
    link = pkg_config("--cflags", "--libs", WHOLE, stage=moved)
    assert not any(str(STAGE) in w for w in link)
    program = compiled(tmp_path, USES_THEM, link=link)
    assert run(program) == "mlock\n"
    assert str(moved) in run("ldd", program)


# ---- README ----


def test_the_program_of_the_readme(tmp_path):
    section = (ROOT / "README.md").read_text().split("## For C programs")[1].split("\n## ")[0]
    program, = re.findall(r"^```c\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    script, = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "x.c").write_text(program)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "stage").symlink_to(STAGE)
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"32 bytes in (memfd_secret|mlock) memory\n", done.stdout), done
    statements = [line for line in program.splitlines() if line.strip() not in ("", "{", "}")]
    assert len(statements) <= 12
