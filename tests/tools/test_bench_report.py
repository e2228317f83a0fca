import json
import sys
import xml.etree.ElementTree as ET

import pytest
from tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import report  # noqa: E402

FIELDS = {"suite", "name", "value", "unit", "reference", "reference_value", "ratio", "target", "holds"}


@pytest.mark.parametrize(
    "unit, value, reference, target, ratio, holds",
    [
        ("op/s", 900, 1000, 0.8, 0.9, True),
        ("op/s", 700, 1000, 0.8, 0.7, False),
        ("ms", 2, 1, 0.8, 0.5, False),
        ("us CPU/op", 10, 20, None, 2.0, None),
    ],
)
def test_larger_ratio_is_always_better(unit, value, reference, target, ratio, holds):
    r = report.row("s", "n", value, unit, "peer", reference, target)
    assert set(r) == FIELDS
    assert (r["ratio"], r["holds"]) == (ratio, holds)


def test_a_void_row_has_no_value_and_misses_its_target():
    r = report.row("s", "n", 900, "op/s", "peer", 1000, 0.1, void="12 answers were not 2xx")
    assert r["value"] is None and r["ratio"] is None and r["holds"] is False
    assert "void: n: 12 answers" in report.table([r])


def test_files(tmp_path):
    rows = [report.row("s", "a < b & c", 900, "op/s", "peer", 1000), report.row("s", "alone", 5, "op/s")]
    report.write(tmp_path, "s", rows)
    assert json.loads((tmp_path / "s.json").read_text()) == rows
    picture = ET.parse(tmp_path / "s.svg").getroot()
    assert picture.tag.endswith("svg") and "a < b & c" in "".join(picture.itertext())


def test_no_rows(tmp_path):
    report.write(tmp_path, "empty", [])
    ET.parse(tmp_path / "empty.svg")


@pytest.mark.parametrize("value, holds", [(0, True), (1, False)])
def test_none_where_none_are_allowed(value, holds):
    assert report.row("s", "n", value, "faults", "the limit", 0, 1)["holds"] is holds


def test_noise_has_a_column_only_where_it_was_measured():
    quiet, noisy = report.row("s", "n", 9, "ns"), report.row("s", "m", 9, "ns", noise=0.25)
    assert "noise" not in quiet and "noise" not in report.table([quiet])
    assert "25 %" in report.table([quiet, noisy])


def bar_lengths(rows):
    picture = ET.fromstring(report.svg("s", rows))
    background, *bars = picture.iter("{http://www.w3.org/2000/svg}rect")
    return [float(bar.get("width")) for bar in bars]


def test_a_very_long_bar_does_not_hide_the_others():
    one, many = report.row("s", "a", 10, "op/s", "peer", 10), report.row("s", "b", 10000, "op/s", "peer", 10)
    short, long = bar_lengths([one, many])
    assert short > long / 20
    three = report.row("s", "c", 30, "op/s", "peer", 10)
    short, long = bar_lengths([one, three])
    assert long == pytest.approx(3 * short, abs=0.1)
