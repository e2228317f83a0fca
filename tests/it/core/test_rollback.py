"""A copy from the past is refused; an operator can accept it, once, and the audit says so."""
import shutil
import subprocess

from hsm import Hsm



def put_back_older_store(h):
    h.start()
    h.create("old", "ed25519")
    assert h.stop() == 0
    copy = h.folder / "copy"
    shutil.copytree(h.data / "store", copy)
    h.start()
    h.create("new", "ed25519")
    assert h.stop() == 0
    for f in copy.iterdir():
        shutil.copy2(f, h.data / "store" / f.name)


def test_older_store_is_refused(fresh):
    put_back_older_store(fresh)
    fresh.start(wait=False)
    code, log = fresh.wait_refused()
    assert code != 0 and "older than its anchor" in log and "accept-rollback" in log, log


def test_accepted_rollback_is_good_for_one_start_and_audited(fresh):
    put_back_older_store(fresh)
    done = subprocess.run([fresh.stage / "bin/holdfast", "audit", "accept-rollback", "--anchor", fresh.anchor], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    fresh.start()
    assert {k["name"] for k in fresh.get("/api/v1/keys").json["items"]} == {"old"}
    events = fresh.get("/api/v1/audit/recent?limit=50").json["items"]
    assert any("rollback accepted" in e.get("detail", "") for e in events), events
    fresh.sign("old", b"still works")
    assert fresh.stop() == 0
    assert not (fresh.anchor / "accept-rollback").exists()
    later = fresh.folder / "later"
    shutil.copytree(fresh.data / "store", later)
    fresh.start()
    fresh.create("newer", "ed25519")
    assert fresh.stop() == 0
    for f in later.iterdir():
        shutil.copy2(f, fresh.data / "store" / f.name)
    fresh.start(wait=False)
    code, log = fresh.wait_refused()
    assert code != 0 and "older than its anchor" in log, "the acceptance was for one start"


def test_without_an_anchor_folder_it_serves_and_stops(tmp_path):
    """Freshness is `live` then, as capabilities says; nothing waits for an anchor that nobody keeps."""
    h = Hsm(tmp_path / "hsm", anchored=False).init().start()
    h.create("k", "ed25519")
    assert h.get("/api/v1/capabilities").json["freshness"] == "live"
    assert h.stop() == 0, h.text()[-1000:]
    assert "killed" not in h.text()
    h.start()
    h.sign("k", b"m")
    assert h.stop() == 0
