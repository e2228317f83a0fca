import importlib.machinery
import importlib.util
from collections import Counter

from tree import ROOT

loader = importlib.machinery.SourceFileLoader("run_tidy", str(ROOT / "tools" / "run-tidy"))
run_tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tidy", loader))
loader.exec_module(run_tidy)

OUTPUT = f"""{ROOT}/src/a/b.c:3:7: error: one thing [bugprone-x,-warnings-as-errors]
{ROOT}/src/a/b.c:3:7: error: one thing [bugprone-x,-warnings-as-errors]
    3 |     code();
{ROOT}/src/a/b.c:9:1: note: only a note [bugprone-x]
{ROOT}/src/a/b.h:5:1: error: another [cert-y,-warnings-as-errors]
"""


def problems(**counted):
    allowed = Counter({("bugprone-x", "src/a/b.c"): counted.get("x", 0), ("cert-y", "src/a/b.h"): counted.get("y", 0)})
    return list(run_tidy.compare(run_tidy.parse(OUTPUT), allowed, {"src/a/b.c", "src/a/b.h"}))


def test_findings_are_counted_once():
    assert problems() == ["src/a/b.c:3: one thing [bugprone-x]", "src/a/b.h:5: another [cert-y]"]


def test_exceptions_are_counted_exactly():
    assert problems(x=1, y=1) == []
    assert "lower the count" in problems(x=2, y=1)[0]
