"""docs/memory.md: its program runs with its command, and the names in it are those of the headers."""
import os
import re
import subprocess

from library import HEADERS, INCLUDE, ROOT, STAGE, declared

GUIDE = (ROOT / "docs" / "memory.md").read_text()


def test_quick_start(tmp_path):
    section = GUIDE.split("## Quick start")[1].split("\n## ")[0]
    program, = re.findall(r"^```c\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    script, = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "quick.c").write_text(program)
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, env={"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": f"{STAGE}/lib/pkgconfig"}, capture_output=True, text=True)
    assert done.returncode == 0, done


def test_names_exist():
    text = "".join((INCLUDE / h).read_text() for h in HEADERS)
    functions = {name for header in declared().values() for name in header}
    for name in set(re.findall(r"\b(hf_\w+)", GUIDE)):
        assert name in functions or f" {name};" in text or name.endswith("_") and any(f.startswith(name) for f in functions), name
    for name in set(re.findall(r"\bHF_\w+", GUIDE)):
        assert name in text or re.search(rf"^    X\({name[len('HF_ERR_'):]},", text, re.MULTILINE), name


def test_options_and_snapshots_exist():
    options = (ROOT / "meson.options").read_text()
    for name in re.findall(r"-Dparts=(\w+)", GUIDE):
        assert f"'{name}'" in options
    assert list((ROOT / "tests" / "snapshots").glob("symbols-*.txt")) and list((ROOT / "tests" / "snapshots").glob("abi-*.txt"))


def test_functions_for_signal_handlers_are_the_same_in_guide_and_headers():
    said = re.search(r"\*\*Signals\*\*: only (.*?) may be called in a handler", GUIDE, re.DOTALL).group(1)
    safe = set()
    for name, functions in declared().items():
        text = (INCLUDE / name).read_text()
        for function in functions:
            comment = re.search(r"/\*((?:(?!\*/).)*)\*/\s*HF_API[^;{}]*\b" + function + r"\(", text, re.DOTALL)
            if comment and "sync-signal-safe" in comment.group(1):
                safe.add(function)
    assert safe <= set(re.findall(r"hf_\w+", said)), safe
