"""proofs/run: what it makes of its files and of CBMC's answers. That the proofs hold, and notice mistakes, `make proofs` shows."""
import importlib.machinery
import importlib.util
import json
import sys

import pytest
from tree import ROOT, write

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("proofs_run", str(ROOT / "proofs" / "run"))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("proofs_run", loader))
loader.exec_module(run)


def answer(*results):
    return json.dumps([{"program": "CBMC"}, {"result": [{"description": d, "status": s} for d, s in results]}])


def test_only_reached_may_fail():
    assert run.judge(answer(("n >= 1", "SUCCESS"), ("reached", "FAILURE"))) == ([], True)


def test_a_failed_assertion_is_told():
    failed, reached = run.judge(answer(("n >= 1", "FAILURE"), ("reached", "FAILURE")))
    assert reached and len(failed) == 1 and "n >= 1" in failed[0]


def test_assumptions_that_exclude_everything_are_seen():
    assert run.judge(answer(("n >= 1", "SUCCESS"), ("reached", "SUCCESS"))) == ([], False)


@pytest.mark.parametrize("text", ["", "Killed", json.dumps([{"messageType": "ERROR", "messageText": "no such function"}])])
def test_no_verdict_is_no_success(text):
    assert run.judge(text) is None and run.complaints(text)


def test_bounds_and_sizes_stand_in_the_comment(tmp_path):
    text = """
/* Not a proof. Unwind 3. */
static int x;

/*
 * All of it. Unwind 17. With HF_CACHES 1. With HF_BINS 3. Without --conversion-check.
 */
void proof_all(void)
{
}
"""
    (proof,) = run.find_proofs(tmp_path, text)
    assert (proof.name, proof.unwind) == ("all", 17)
    assert proof.smaller == (("HF_CACHES", "1"), ("HF_BINS", "3")) and proof.without == ("--conversion-check",)


def test_every_proof_of_the_tree_is_found():
    proofs = run.load_proofs()
    assert len(proofs) > 10 and all(p.unwind >= 2 for p in proofs)


def test_every_mistake_fits_the_source(tmp_path):
    mistakes = run.load_mistakes((run.HERE / "mistakes.toml").read_text(), run.load_proofs())
    assert len(mistakes) > 10
    for row in mistakes:
        run.plant(row, tmp_path / row["name"])


def test_a_mistake_that_no_longer_fits_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "ROOT", write(tmp_path, **{"src/a.c": "n + 1; n + 1;"}))
    for text in ("n + 2", "n + 1"):
        with pytest.raises(ValueError, match="times in src/a.c"):
            run.plant({"file": "src/a.c", "find": text, "put": "n"}, tmp_path / "overlay")


def test_sizes_are_made_smaller_in_a_copy(tmp_path):
    proof = run.Proof("p", None, 2, (), (("HF_CACHES", "1"), ("HF_GATES", "2")))
    run.resize(proof, tmp_path)
    assert "#define HF_CACHES 1" in (tmp_path / "src/mem/internal.h").read_text()
    assert "#define HF_GATES 2\n" in (tmp_path / "src/mem/guarded.h").read_text()
    with pytest.raises(ValueError, match="HF_NOWHERE"):
        run.resize(run.Proof("p", None, 2, (), (("HF_NOWHERE", "1"),)), tmp_path)
