"""The Debian packages: what is in them, that the same tree gives the same bytes, and that what they install works."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm, b64  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build" / "deb-build"
LIBRARIES = ["libholdfast-mem0", "libholdfast0", "libholdfast-dev"]


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def pkg_config_path():
    return run("pkg-config", "--variable=pc_path", "pkg-config").strip()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if shutil.which("dpkg-deb") is None or shutil.which("dpkg-shlibdeps") is None:
        pytest.skip("dpkg-deb and dpkg-shlibdeps are not installed (packages dpkg and dpkg-dev)")
    out = tmp_path_factory.mktemp("deb")
    # A build folder of its own: the prefix is another one. It is kept, so that a second run builds nothing.
    return Path(run(ROOT / "tools" / "make-deb", out, BUILD).splitlines()[-1])


def neighbour(package, name):
    return package.parent / package.name.replace("holdfast_", f"{name}_")


def fields_of(package):
    return dict(line.split(": ", 1) for line in run("dpkg-deb", "-f", package).splitlines() if ": " in line and not line.startswith(" "))


def test_the_same_tree_gives_the_same_packages(package, tmp_path):
    made = [Path(line) for line in run(ROOT / "tools" / "make-deb", tmp_path, BUILD).splitlines() if line.endswith(".deb")]
    assert len(made) == 1 + len(LIBRARIES)
    for again in made:
        assert again.read_bytes() == (package.parent / again.name).read_bytes(), again.name


def test_control_data(package):
    fields = fields_of(package)
    assert "libholdfast" not in fields["Depends"]  # the programs have our modules inside
    assert fields["Package"] == "holdfast" and "libssl3t64 (>= 3.5)" in fields["Depends"] and "libsqlite3-0" in fields["Depends"]
    scripts = run("dpkg-deb", "-I", package)
    assert all(name in scripts for name in ("postinst", "prerm", "postrm", "md5sums"))


def test_files_belong_to_root_and_nothing_else_comes_along(package):
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner, path = line.split()[0], line.split()[1], line.split()[5]
        assert owner == "root/root", line
        assert mode[5] != "w" and mode[8] != "w" and "s" not in mode, line
        assert path == "./" or path.startswith("./usr/"), line
    names = run("dpkg-deb", "-c", package)
    for wanted in ("usr/bin/holdfastd", "usr/bin/holdfast", "usr/libexec/holdfast/core", "usr/lib/systemd/system/holdfast.service",
                   "usr/lib/sysusers.d/holdfast.conf", "usr/lib/tmpfiles.d/holdfast.conf", "usr/share/man/man8/holdfastd.8.gz",
                   "usr/share/bash-completion/completions/holdfast", "usr/share/doc/holdfast/copyright"):
        assert f"./{wanted}\n" in names, wanted
    assert "/include/" not in names and "/man3/" not in names and "libholdfast" not in names


def test_what_it_installs_works(package, tmp_path):
    root = tmp_path / "root"
    run("dpkg-deb", "-x", package, root)
    h = Hsm(tmp_path / "h", stage=root / "usr").init().start()
    try:
        assert h.post("/api/v1/keys", {"name": "packed", "algorithm": "ec-p256"}).status == 201
        assert h.post("/api/v1/keys/packed/sign", {"payload_b64": b64(b"x")}).status == 200
    finally:
        assert h.stop() == 0


# ---- the libraries ----


def test_what_the_libraries_depend_on(package):
    memory, whole, dev = (fields_of(neighbour(package, name)) for name in LIBRARIES)
    version = fields_of(package)["Version"]
    assert re.fullmatch(r"libc6 \([^)]*\)", memory["Depends"])
    assert f"libholdfast-mem0 (= {version})" in whole["Depends"] and "libssl3t64 (>= 3.5)" in whole["Depends"]
    assert {f"libholdfast0 (= {version})", f"libholdfast-mem0 (= {version})", "libssl-dev (>= 3.5)"} <= set(dev["Depends"].split(", "))
    assert all(f["Source"] == "holdfast" and f["Version"] == version and f["Multi-Arch"] == "same" for f in (memory, whole, dev))


@pytest.mark.parametrize("name, library", [("libholdfast-mem0", "libholdfast-mem"), ("libholdfast0", "libholdfast")])
def test_a_package_of_a_library(package, name, library, tmp_path):
    run("dpkg-deb", "-R", neighbour(package, name), tmp_path / "root")
    control = tmp_path / "root" / "DEBIAN"
    assert (control / "shlibs").read_text() == f"{library} 0 {name} (>= {fields_of(package)['Version']})\n"
    assert f"{library}.so.0 {name} #MINVER#\n" in (control / "symbols").read_text()
    assert (control / "triggers").read_text() == "activate-noawait ldconfig\n"
    files = [p for p in (tmp_path / "root" / "usr" / "lib").rglob("*") if not p.is_dir()]
    real, = [p for p in files if not p.is_symlink()]
    assert sorted(p.name for p in files) == [f"{library}.so.0", real.name]
    assert real.stat().st_mode & 0o777 == 0o644 and "no symbols" in subprocess.run(["nm", real], capture_output=True, text=True).stderr
    said = run("readelf", "-d", real)
    assert "RUNPATH" not in said and "RPATH" not in said


@pytest.mark.parametrize("name", LIBRARIES)
def test_files_of_the_libraries_belong_to_root(package, name):
    for line in run("dpkg-deb", "-c", neighbour(package, name)).splitlines():
        assert line.split()[1] == "root/root" and line.split()[5].startswith("./"), line
        assert line[0] == "l" or (line[5] != "w" and line[8] != "w" and "s" not in line.split()[0]), line


def test_a_program_builds_with_the_packages(package, tmp_path):
    """Unpacked in a folder: what pkg-config says there, headers, both kinds of library, pages and examples."""
    root = tmp_path / "root"
    for name in LIBRARIES:
        run("dpkg-deb", "-x", neighbour(package, name), root)
    lib = next((root / "usr" / "lib").iterdir())
    env = {"PATH": os.environ["PATH"], "PKG_CONFIG_LIBDIR": f"{lib}/pkgconfig:{pkg_config_path()}", "PKG_CONFIG_SYSROOT_DIR": str(root), "LD_LIBRARY_PATH": str(lib)}
    example = root / "usr/share/doc/libholdfast-dev/examples/sealed_tokens.c"
    words = run("pkg-config", "--cflags", "--libs", "holdfast", env=env).split()
    assert not any("rpath" in w for w in words)
    run("cc", example, *words, "-o", tmp_path / "shared")
    assert "opened: the value of token 7" in run(tmp_path / "shared", env=env)
    run("cc", example, f"-I{root}/usr/include", lib / "libholdfast.a", lib / "libholdfast-mem.a", "-lcrypto", "-pthread", "-o", tmp_path / "static")
    assert "opened: the value of token 7" in run(tmp_path / "static")
    assert "HOLDFAST-POOL(3)" in run("mandoc", "-Tascii", root / "usr/share/man/man3/hf_pool_alloc.3.gz")


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_maintainer_scripts_are_strict_shell(script):
    path = ROOT / "deploy" / "debian" / script
    assert path.read_text().startswith("#!/bin/sh\n") and "\nset -e\n" in path.read_text()
    run("sh", "-n", path)


def test_in_a_bare_debian(package):
    if not os.environ.get("HOLDFAST_SOAK"):
        pytest.skip("makes a whole Debian 13 to install it in (tools/try-package): in the soak run only")
    assert "installed, used and removed" in run(ROOT / "tools" / "try-package", package)
