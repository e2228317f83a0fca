"""The installed library as a C programmer meets it: compilers, pkg-config, and what stands in headers and pages."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGE = Path(os.environ.get("HOLDFAST_STAGE") or ROOT / "build" / "stage")
SNAPSHOTS = ROOT / "tests" / "snapshots"
INCLUDE = STAGE / "include" / "holdfast"
HEADERS = sorted(p.name for p in INCLUDE.glob("*.h"))
MEMORY, WHOLE = "holdfast-mem", "holdfast"



def run(*words, code=0, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == code, (words, done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def shared(name, folder=STAGE):
    """The file itself, behind its links."""
    return (folder / "lib" / f"lib{name}.so").resolve()


def pkg_config(*words, stage=STAGE):
    path = f"{stage}/lib/pkgconfig"
    return run("pkg-config", *words, env={"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": path}).split()


def flags(*modules, static=False):
    return pkg_config("--cflags", "--libs", *(["--static"] if static else []), *modules)


def compiled(folder, text, *modules, compiler="cc", suffix=".c", options=(), link=None):
    """A program of this text, built as its author would: compiler, file, what pkg-config says."""
    source, program = folder / f"program{suffix}", folder / "program"
    source.write_text(text)
    words = flags(*modules) if link is None else link
    run(compiler, *options, source, *words, "-o", program)
    return program


def symbols(path):
    """{name: version} of what a shared library exports."""
    found = {}
    for line in run("nm", "-D", "--defined-only", "--with-symbol-versions", path).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":
            base, _, version = name.partition("@@")
            assert version, f"{name} has no version"
            found[base] = version
    return found


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def squeezed(text):
    """One spelling of a declaration: blanks only where words meet."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\s*([(),;*\[\]])\s*", r"\1", text)


def prototypes(text):
    """{name: declaration} of all functions that a header exports."""
    text = re.sub(r"^[ \t]*#.*(?:\\\n.*)*$", "", without_comments(text), flags=re.MULTILINE)
    found = {}
    for declaration in re.findall(r"\bHF_API\b([^;{]*;)", text):
        name = re.search(r"\b(hf_\w+)\s*\(", declaration).group(1)
        found[name] = squeezed(declaration)
    return found


def declared():
    """{header: {name: declaration}}"""
    return {name: prototypes((INCLUDE / name).read_text()) for name in HEADERS}
