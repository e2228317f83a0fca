"""The Debian package: what is in it, that the same tree gives the same bytes, and that what it installs works."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm, b64  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if shutil.which("dpkg-deb") is None or shutil.which("dpkg-shlibdeps") is None:
        pytest.skip("dpkg-deb and dpkg-shlibdeps are not installed (packages dpkg and dpkg-dev)")
    out = tmp_path_factory.mktemp("deb")
    # A build folder of its own: the prefix is another one. It is kept, so that a second run builds nothing.
    return Path(run(ROOT / "tools" / "make-deb", out, ROOT / "build" / "deb-build").splitlines()[-1])


def test_the_same_tree_gives_the_same_package(package, tmp_path):
    again = Path(run(ROOT / "tools" / "make-deb", tmp_path, ROOT / "build" / "deb-build").splitlines()[-1])
    assert again.read_bytes() == package.read_bytes()


def test_control_data(package):
    fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "-f", package).splitlines() if ": " in line and not line.startswith(" "))
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


def test_what_it_installs_works(package, tmp_path):
    root = tmp_path / "root"
    run("dpkg-deb", "-x", package, root)
    h = Hsm(tmp_path / "h", stage=root / "usr").init().start()
    try:
        assert h.post("/api/v1/keys", {"name": "packed", "algorithm": "ec-p256"}).status == 201
        assert h.post("/api/v1/keys/packed/sign", {"payload_b64": b64(b"x")}).status == 200
    finally:
        assert h.stop() == 0


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_maintainer_scripts_are_strict_shell(script):
    path = ROOT / "deploy" / "debian" / script
    assert path.read_text().startswith("#!/bin/sh\n") and "\nset -e\n" in path.read_text()
    run("sh", "-n", path)


def test_in_a_bare_debian(package):
    if not os.environ.get("HOLDFAST_SOAK"):
        pytest.skip("makes a whole Debian 13 to install it in (tools/try-package): in the soak run only")
    assert "installed, used and removed" in run(ROOT / "tools" / "try-package", package)
