"""The judge of the mutations itself: on a small project of its own, with rows of which each verdict is known."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "run-mutations"

TREE = {
    "meson.build": """project('small', 'c')
subdir('src')
test_exe = executable('test-door', files('tests/test_door.c'), dependencies: door_dep)
test('door', test_exe, protocol: 'tap')
test('idle', executable('test-idle', files('tests/test_idle.c')), protocol: 'tap')
""",
    "meson.options": "option('tests', type: 'feature')\noption('data_dir', type: 'string')\n",
    "src/meson.build": """door_dep = declare_dependency(link_with: static_library('door', files('door.c')))
executable('door', files('main.c'), dependencies: door_dep, install: true)
""",
    "src/door.c": "int opens(int key)\n{\n    if (key != 7)\n        return 0;\n    return 1; /* twice */ /* twice */\n}\n",
    "src/main.c": "#include <stdlib.h>\nint opens(int);\nint main(int argc, char **argv)\n{\n    return argc == 2 && opens(atoi(argv[1])) ? 0 : 1;\n}\n",
    "tests/test_door.c": '#include <stdio.h>\nint opens(int);\nint main(void)\n{\n    printf("1..1\\n%s 1 - wrong_keys_are_refused\\n", opens(8) ? "not ok" : "ok");\n'
                         "    return opens(8);\n}\n",
    "tests/test_idle.c": '#include <stdio.h>\nint main(void)\n{\n    printf("1..1\\nok 1 - idle # SKIP not here\\n");\n    return 0;\n}\n',
    "tests/it/test_door.py": """import os, pathlib, subprocess, pytest
def test_door():
    assert subprocess.run([pathlib.Path(os.environ["HOLDFAST_STAGE"]) / "bin" / "door", "8"]).returncode == 1
def test_broken():
    assert False
@pytest.mark.skip(reason="not here")
def test_skipped():
    pass
""",
}

CHECK = "if (key != 7)"
ROWS = [  # name, find, put, test, further lines, verdict, what is said
    ("unit", CHECK, "if (key == 0)", "unit:door", 'says = "wrong_keys_are_refused"', "killed", "unit:door"),
    ("pytest", CHECK, "if (key == 0)", "tests/it/test_door.py::test_door", "", "killed", "test_door"),
    ("without-effect", CHECK, "if (key < 7 || key > 7)", "unit:door", "", "survived", "passes although: because"),
    ("does-not-build", CHECK, "if (key !=)", "unit:door", "", "error", "does not build"),
    ("another-reason", CHECK, "if (key == 0)", "unit:door", 'says = "the_moon_is_up"', "error", "another reason"),
    ("gone", "if (key != 8)", "", "unit:door", "", "error", "occurs 0 times"),
    ("not-once", "/* twice */", "", "unit:door", "", "error", "occurs 2 times"),
    ("no-such-test", CHECK, "", "unit:window", "", "error", "there is no unit test window"),
    ("no-such-node", CHECK, "", "tests/it/test_door.py::test_window", "", "error", "pytest cannot run"),
    ("fails-anyway", CHECK, "", "tests/it/test_door.py::test_broken", "", "error", "fails without any mutation"),
    ("skipped-pytest", CHECK, "", "tests/it/test_door.py::test_skipped", "", "error", "skips it"),
    ("skipped-unit", CHECK, "", "unit:idle", "", "error", "skipped"),
]


def row(name, find, put, test, more, *_):
    return f"[[mutation]]\nname = '{name}'\nfile = 'src/door.c'\nfind = '{find}'\nput = '{put}'\ntest = '{test}'\nwhy = 'because'\n{more}\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    for name, text in {**TREE, "tests/mutations/mutations.toml": "".join(row(*r) for r in ROWS)}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "tools").mkdir()
    shutil.copy(TOOL, root / "tools")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def run(tree, *arguments):
    done = subprocess.run([sys.executable, tree / "tools" / "run-mutations", *arguments], capture_output=True, text=True)
    return done.returncode, done.stderr + done.stdout


@pytest.fixture(scope="module")
def all_rows(tree):
    return run(tree)


@pytest.mark.parametrize("expected", ROWS, ids=[r[0] for r in ROWS])
def test_verdicts(all_rows, expected):
    name, verdict, said = expected[0], *expected[5:]
    found = re.search(rf"^{verdict}\s+{re.escape(name)}\s(.*?)(?=^(?:killed|survived|error) |\Z)", all_rows[1], re.MULTILINE | re.DOTALL)
    assert found and said in found.group(1), all_rows[1]


def test_the_sum_and_the_exit_code(tree, all_rows):
    assert all_rows[0] == 1 and all_rows[1].splitlines()[-1] == "2 killed, 1 survived, 9 errors"
    assert run(tree, "unit", "pytest")[0] == 0
    assert run(tree, "without-effect")[0] == 1


def test_the_tree_itself_is_never_changed(tree, all_rows):
    assert (tree / "src/door.c").read_text() == TREE["src/door.c"]
    assert (tree / "build/mutations/source/src/door.c").read_text() == TREE["src/door.c"], "and the copy is put back"


@pytest.mark.parametrize("text,said", [
    ("[[mutation]]\nname = 'a'\n", "missing"),
    (row(*ROWS[0]) + "colour = 'red'\n", "unknown ['colour']"),
    (row(*ROWS[0]) + row(*ROWS[0]), "stands twice"),
    (row("a", "same", "same", "unit:door", ""), "nothing is changed"),
    ("[[mutation]", "mutations"),
])
def test_bad_tables(tree, tmp_path, text, said):
    table = tmp_path / "mutations.toml"
    table.write_text(text)
    code, out = run(tree, "--list", "--table", table)
    assert code == 1 and said in out, out
