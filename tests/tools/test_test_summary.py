import json
import os

import pytest
from tree import run, write

TAP = """1..4
ok 1 - first
some words
not ok 2 - second
the key folder needs root
ok 3 # SKIP third
ok 4 - fourth # SKIP no memfd_secret here
"""
XML = """<testsuites><testsuite>
<testcase classname="tests.it.test_a" name="test_good"/>
<testcase classname="tests.it.test_a" name="test_bad"><failure message="assert 1 == 2"/></testcase>
<testcase classname="tests.it.test_a" name="test_skip"><skipped message="third-party data is absent"/></testcase>
</testsuite></testsuites>"""


def meson(name="base-text", result="OK", stdout="1..1\nok 1 - a\n", code=0):
    return json.dumps({"name": name, "result": result, "stdout": stdout, "returncode": code}) + "\n"


def last(out):
    return out.strip().split("\n")[-1]


def test_sums_over_all_runners(tmp_path):
    write(tmp_path, **{"unit.meson.json": meson(stdout=TAP, result="FAIL", code=1), "it.junit.xml": XML, "it.exit": "1\n", "x.verdict": "ok\n", "y.verdict": "not ok\n"})
    code, out = run("test-summary", tmp_path)
    assert code == 1
    assert last(out) == "3 passed, 3 failed, 3 skipped"
    assert "skipped  base-text::third: the key folder needs root" in out
    assert "skipped  base-text::fourth: no memfd_secret here" in out
    assert "FAILED   checks::y" in out


def test_all_good(tmp_path):
    write(tmp_path, **{"unit.meson.json": meson(), "x.verdict": "ok\n"})
    code, out = run("test-summary", tmp_path)
    assert (code, last(out)) == (0, "2 passed, 0 failed, 0 skipped")


@pytest.mark.parametrize(
    "line",
    [
        meson(result="ERROR", stdout="1..3\nok 1 - a\n", code=-11),
        meson(result="TIMEOUT", stdout="", code=-15),
        meson(result="FAIL", stdout="1..1\nok 1 - a\n", code=1),
        meson(result="SKIP", stdout="", code=0),
        "",
    ],
)
def test_a_program_that_dies_or_says_nothing_is_a_failure(tmp_path, line):
    code, out = run("test-summary", write(tmp_path, **{"unit.meson.json": line}))
    assert code == 1 and " 1 failed," in last(out)


def test_a_program_judged_by_its_exit_code_counts_once(tmp_path):
    write(tmp_path, **{"unit.meson.json": meson(stdout="words\n") + meson(name="b", result="SKIP", stdout="no data here\n", code=77)})
    code, out = run("test-summary", tmp_path)
    assert (code, last(out)) == (0, "1 passed, 0 failed, 1 skipped") and "skipped  b: no data here" in out


@pytest.mark.parametrize("exit_code", [2, 3, 4, 5, 124])
def test_pytest_that_does_not_finish_is_a_failure(tmp_path, exit_code):
    code, out = run("test-summary", write(tmp_path, **{"it.exit": f"{exit_code}\n"}))
    assert code == 1 and last(out) == "0 passed, 1 failed, 0 skipped"


def test_nothing_ran(tmp_path):
    assert run("test-summary", tmp_path)[0] == 1


@pytest.mark.parametrize("row, code", [("no-data tests/it/* data", 0), ("no-data tests/it/* root", 1), ("no-data tests/adversary/* data", 1), ("root+user * data", 1)])
def test_only_skips_of_the_snapshot_pass(tmp_path, row, code):
    xml = XML.replace('<testcase classname="tests.it.test_a" name="test_bad"><failure message="assert 1 == 2"/></testcase>', "")
    write(tmp_path, **{"it.junit.xml": xml, "it.exit": "0", "skips": row + "\n"})
    env = dict(os.environ, HOLDFAST_DATA_DIR=str(tmp_path / "absent"))
    assert run("test-summary", tmp_path, "--skips", tmp_path / "skips", env=env)[0] == code
    with_data = dict(os.environ, HOLDFAST_DATA_DIR=str(tmp_path))
    assert run("test-summary", tmp_path, "--skips", tmp_path / "skips", env=with_data)[0] == 1
