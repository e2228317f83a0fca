"""The memory suite: what it makes of the answers of its programs, and that those programs build and answer."""
import json
import subprocess
import sys

import pytest
from tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import suite_memory  # noqa: E402

FLOORS = ROOT / "tools" / "floors"
WARNINGS = ["-Wconversion", "-Wshadow", "-Wvla", "-Wstrict-prototypes", "-Werror"]


def asker(answers):
    """ask() of a machine where each command gives these answers in turn."""
    left = {command: iter(found) for command, found in answers.items()}
    return lambda command: next(left[command])


def test_the_least_of_the_rounds_counts_and_noise_is_told():
    found = suite_memory.in_turn(3, ["ours", "floor"], asker({
        "ours": [{"ns": 12.0}, {"ns": 30.0}, {"ns": 10.0}], "floor": [{"ns": 8.0}, {"ns": 8.0}, {"ns": 9.0}]}))
    assert found["ours"].least == 10.0 and found["ours"].noise == pytest.approx(0.2)
    assert found["floor"].least == 8.0 and found["floor"].noise == 0
    row = suite_memory.speed_row("n", found["ours"], "floor", found["floor"], 1 / 1.5)
    assert (row["ratio"], row["holds"], row["noise"]) == (0.8, True, 0.2)


def test_commands_are_run_in_turn_not_one_after_the_other():
    asked = []

    def ask(command):
        asked.append(command)
        return {"ns": 1.0}

    suite_memory.in_turn(2, ["a", "b"], ask)
    assert asked == ["a", "b", "a", "b"]


def test_a_program_that_fails_makes_its_rows_void_and_is_not_run_again():
    found = suite_memory.in_turn(3, ["bad", "good"], asker({"bad": [{"fault": "no memory"}], "good": [{"ns": 1.0}] * 3}))
    row = suite_memory.speed_row("n", found["good"], "peer", found["bad"], 0.5)
    assert row["value"] is None and row["holds"] is False and row["void"] == "bad: no memory"


@pytest.mark.parametrize("code, out, err, fault", [
    (1, "", "floor: mlock: Cannot allocate memory\n", "floor: mlock: Cannot allocate memory"),
    (-11, "", "", "it gave nothing and ended with -11"),
    (0, "", "", "it gave nothing and ended with 0"),
    (1, '{"ns": 1}', "late", "late"),
])
def test_faults_are_told(code, out, err, fault):
    assert suite_memory.parse_answer(code, out, err) == {"fault": fault}


def test_share_of_unlocked_objects():
    found = suite_memory.parse_answer(0, '{"count": 10000, "locked_objects": 2048, "maps": 40000}\n', "")
    assert found["unlocked"] == pytest.approx(79.52) and found["maps_each"] == 4


def test_one_unlocked_object_misses_the_target():
    def ask(command):
        found = {"count": 10_000_000, "locked": 60, "resident": 60, "maps_each": 0, "faults": 0, "unlocked": 0.0}
        return {**found, "unlocked": 0.01} if command.startswith("pool live count=10000 bytes=4096") else found

    rows = {r["name"]: r for r in suite_memory.count_rows(ask)}
    assert rows["unlocked at 8 MiB, pool"]["holds"] is False
    assert [n for n, r in rows.items() if r["holds"] is False] == ["unlocked at 8 MiB, pool"]
    assert rows["unlocked at 8 MiB, guarded"]["holds"] is True


def test_one_map_or_fault_misses_the_target():
    rows = {r["name"]: r for r in suite_memory.count_rows(lambda _: {"count": 1, "locked": 65, "resident": 1, "maps_each": 1, "faults": 1, "unlocked": 0})}
    for name in ("extra maps an object, mlock", "page faults of 1,000,000, 32 B", "locked, live 32 B, 100,000", "live 32 B under 8 MiB"):
        assert rows[name]["holds"] is False


def test_every_command_names_a_program():
    commands = [c for row in suite_memory.SPEED for c in (row[1], row[3])] + [row[1] for row in suite_memory.LIMITS_NS]
    commands += [c for row in suite_memory.COUNTS for c in (row[1], row[5]) if isinstance(c, str)]
    programs = {p.stem for folder in (suite_memory.FLOORS, suite_memory.OURS) for p in folder.glob("*.c")}
    assert {c.split()[0] for c in commands} <= programs
    assert set(suite_memory.PACKAGES) <= programs


@pytest.mark.parametrize("source", sorted(p for f in (suite_memory.FLOORS, suite_memory.OURS) for p in f.glob("*.c") if p.stem != "sodium"), ids=lambda p: p.stem)
def test_programs_compile(source):
    subprocess.run(["cc", *suite_memory.CFLAGS, *WARNINGS, "-fsyntax-only", "-I", FLOORS, "-I", ROOT / "include", source], check=True)


@pytest.fixture(scope="module")
def slab(tmp_path_factory):
    program = tmp_path_factory.mktemp("floors") / "slab"
    subprocess.run(["cc", *suite_memory.CFLAGS, FLOORS / "slab.c", "-o", program, "-pthread"], check=True)
    return program


def run(program, *words):
    return json.loads(subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout)


def test_the_slab_answers(slab):
    timed = run(slab, "speed", "bytes=32")
    assert timed["program"] == "slab" and 0 < timed["least_ns"] <= timed["ns"]
    live = run(slab, "live", "bytes=32", "count=20000", "lock_limit=4194304")
    assert (live["count"], live["locked_objects"], live["maps"]) == (20000, 20000, 0)
    assert 48 <= live["locked"] < 49
    assert run(slab, "faults", "count=100000")["faults"] == 0


def test_a_floor_that_cannot_lock_says_so(slab):
    done = subprocess.run([slab, "live", "count=20000", "lock_limit=65536"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "the region" in done.stderr


def test_objects_that_are_not_locked_are_seen(tmp_path):
    subprocess.run(["cc", *suite_memory.CFLAGS, FLOORS / "malloc.c", "-o", tmp_path / "malloc", "-pthread"], check=True)
    live = run(tmp_path / "malloc", "live", "count=1000")
    assert (live["count"], live["locked_objects"]) == (1000, 0)
