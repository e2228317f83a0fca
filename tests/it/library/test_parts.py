"""The memory library by itself: built where nothing but a C compiler, Meson and the C library can be seen."""
import os
import re
import shutil
import subprocess

import pytest

from library import MEMORY, ROOT, run, shared, symbols

FOREIGN = ["openssl", "sqlite3.h", "yyjson.h", "llhttp.h", "ini.h", "x86_64-linux-gnu/curl", "curl"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """As a packager of the memory part would, from a copy of the source; for root the headers of everything else are hidden too."""
    folder = tmp_path_factory.mktemp("memory")
    (folder / "empty").mkdir()
    for part in ("include", "src", "docs/man", "docs/meson.build", "meson.build", "meson.options", "tests/unit/mem"):
        source, target = ROOT / part, folder / "source" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    hide = "".join(f'[ ! -e /usr/include/{name} ] || mount --bind {folder}/empty{"" if os.path.isdir(f"/usr/include/{name}") else "-file"} /usr/include/{name}; ' for name in FOREIGN)
    (folder / "empty-file").write_text("#error hidden\n")
    build = (f"export PKG_CONFIG_LIBDIR={folder}/empty; meson setup {folder}/build {folder}/source -Dparts=memory -Dtests=disabled -Dwerror=true -Dprefix={folder}/stage "
             f"&& ninja -C {folder}/build && meson install -C {folder}/build --no-rebuild --quiet")
    apart = ["unshare", "--mount", "--propagation", "private"]  # not in a chroot whose root is no mount point: then pkg-config alone sees nothing
    hidden = os.geteuid() == 0 and subprocess.run([*apart, "true"], capture_output=True).returncode == 0
    done = subprocess.run([*apart, "sh", "-eu", "-c", hide + build] if hidden else ["sh", "-eu", "-c", build], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return folder, done.stdout


def test_nothing_foreign_was_looked_for(alone):
    _, said = alone
    assert re.findall(r"Run-time dependency (\w+)", said) == ["threads"]


def test_it_is_the_same_library(alone):
    folder, _ = alone
    assert symbols(shared(MEMORY, folder / "stage")) == symbols(shared(MEMORY))


def test_only_its_own_files_are_installed(alone):
    folder, _ = alone
    stage = folder / "stage"
    found = {str(p.relative_to(stage)) for p in stage.rglob("*") if p.is_file() and not p.is_symlink()}
    assert not any(re.search(r"sealed|file\.h|holdfast\.(so|a|pc)|holdfast-file|bin/|libexec/", name) for name in found), found
    assert {"include/holdfast/mem.h", "include/holdfast/harden.h", "lib/libholdfast-mem.a", "lib/pkgconfig/holdfast-mem.pc", "share/man/man3/holdfast-pool.3"} <= found
    assert not [p for p in (stage / "share" / "man" / "man3").iterdir() if p.is_symlink() and not p.exists()]


def test_a_program_uses_it(alone, tmp_path):
    folder, _ = alone
    (tmp_path / "x.c").write_text((ROOT / "README.md").read_text().split("```c\n")[1].split("```")[0])
    words = run("pkg-config", "--cflags", "--libs", MEMORY, env={"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": f"{folder}/stage/lib/pkgconfig"}).split()
    run("cc", tmp_path / "x.c", *words, "-o", tmp_path / "x")
    assert " memory\n" in run(tmp_path / "x")
