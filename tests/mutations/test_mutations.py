"""Each protection of mutations.toml is taken out of a copy of the source, and the test that is named there must fail.

A few quick rows by default; all of them with HOLDFAST_SOAK=1, or by `make mutants`.
"""
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOAK = os.environ.get("HOLDFAST_SOAK") == "1"

with open(Path(__file__).with_name("mutations.toml"), "rb") as table:
    ROWS = tomllib.load(table)["mutation"]
RUN = [row["name"] for row in ROWS if SOAK or row.get("quick")]


@pytest.fixture(scope="module")
def verdicts():
    """Row -> (verdict, what was said about it)."""
    done = subprocess.run([ROOT / "tools" / "run-mutations", *RUN], capture_output=True, text=True)
    lines = re.split(r"^(?=(?:killed|survived|error)\s+\S+\s+[\d.]+ s )", done.stdout, flags=re.MULTILINE)
    found = {line.split()[1]: (line.split()[0], line) for line in lines if line.strip()}
    assert set(found) >= set(RUN), done.stdout[-2000:] + done.stderr[-2000:]
    return found


@pytest.mark.parametrize("name", RUN)
def test_is_noticed(verdicts, name):
    verdict, said = verdicts[name]
    assert verdict == "killed", said


def test_every_row_fits_the_source():
    done = subprocess.run([ROOT / "tools" / "run-mutations", "--list"], capture_output=True, text=True)
    assert done.returncode == 0, "\n".join(line for line in (done.stdout + done.stderr).splitlines() if "error" in line)
    assert len(done.stdout.splitlines()) == len(ROWS) >= 25
