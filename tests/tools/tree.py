"""What the tests of the tools share: a small tree to judge, and the tools run on it as programs."""
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def write(root, **files):
    """write(tmp, **{"src/base/a.c": "..."}) makes the files of a tree."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def run(tool, *arguments, env=None):
    done = subprocess.run([str(ROOT / "tools" / tool), *map(str, arguments)], capture_output=True, text=True, env=env, check=False)
    return done.returncode, done.stdout + done.stderr
