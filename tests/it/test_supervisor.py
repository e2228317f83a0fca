"""holdfastd against children that are told to die, hang, lie and refuse."""
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from supervisor_bench import Bench, clean_environment, wait_until  # noqa: E402

ROOT_USER = os.geteuid() == 0


@pytest.fixture
def bench(tmp_path):
    b = Bench(tmp_path)
    yield b
    b.stop()


@pytest.fixture(params=["root", "nobody"])
def any_bench(request, tmp_path):
    """The same claims as root and as an ordinary user."""
    if request.param == "nobody" and not ROOT_USER:
        pytest.skip("already an ordinary user")
    if request.param == "root" and not ROOT_USER:
        pytest.skip("needs root")
    for folder in [tmp_path, *tmp_path.parents]:
        if request.param == "nobody" and folder.owner() == pwd.getpwuid(os.geteuid()).pw_name and folder != folder.parent:
            os.chmod(folder, folder.stat().st_mode | 0o055 if folder != Path("/tmp") else folder.stat().st_mode)
    b = Bench(tmp_path, user="nobody" if request.param == "nobody" else None)
    yield b
    b.stop()


# ---- start, wiring, stop ----

def test_start_wires_everybody_and_stops_in_order(any_bench):
    b = any_bench
    b.start("--socket", b.work / "hsm.sock")
    core = b.log("core")
    order = [line.split()[2] for line in core if line.split()[2] in ("CONFIG", "SEAL", "SAVED_FILES", "KEYSET", "PEER")]
    assert order[:4] == ["CONFIG", "SEAL", "SAVED_FILES", "KEYSET"]
    peers = [line.split()[3] for line in core if " PEER " in line]
    assert sorted(peers) == ["3", "3", "4", "5", "6", "7"], "two gateway lanes, store, verifier, unseal, config with the TLS key"
    assert any("CONFIG_GATEWAY fds=sfs" in line for line in b.log("gateway")), "listening socket, certificate, local socket; no key"
    b.wait_for_log("gateway", "PEER 2", times=2)
    assert "folder=1" in b.log("store")[0] and "folder=0" in b.log("core")[0]
    b.wait_for_log("store", "AUDIT_RING ring of")
    for role in (1, 3, 4, 5):
        b.wait_for_log("core", f"PROCESS_UP role={role} ")
    assert b.wait_for_log("core", "ROOT_KEY 64")

    assert b.stop() == 0
    stops = [line.split()[0] for line in b.log() if line.endswith(" STOP")]
    assert stops == ["gateway", "verifier-token", "core", "store"]
    exits = [line.split()[0] for line in b.log() if line.endswith(" EXIT")]
    assert exits == stops, "each ends before the next is asked"
    assert (b.anchor / "anchor").read_text() == "last anchor", "core's last words are written"
    assert not (b.work / "hsm.sock").exists()


def test_own_uids_as_root_one_as_a_user(any_bench):
    b = any_bench.start()
    uids = {line.split()[0]: line.split("uid=")[1].split()[0] for line in b.log() if " START " in line}
    if b.user:
        assert set(uids.values()) == {str(pwd.getpwnam(b.user).pw_uid)}
    else:
        assert len(set(uids.values())) == 4 and "0" not in uids.values()
        assert str((b.data / "store").stat().st_uid) == uids["store"]
    store = (b.data / "store").stat()
    assert store.st_mode & 0o777 == 0o700


def test_supervisor_gave_up_what_it_does_not_need(any_bench):
    b = any_bench.start()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{b.daemon.pid}/status").read_text().splitlines())
    assert status["NoNewPrivs"].strip() == "1"
    limits = Path(f"/proc/{b.daemon.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits
    if not b.user:
        sys_ptrace, net_admin, sys_module = 1 << 19, 1 << 12, 1 << 16
        for name in ("CapEff", "CapPrm", "CapBnd"):
            assert int(status[name], 16) & (sys_ptrace | net_admin | sys_module) == 0, name
    assert os.stat(f"/proc/{b.daemon.pid}/mem").st_uid == 0, "not dumpable: its /proc files belong to root"


def test_one_daemon_per_data_folder(bench):
    bench.start()
    second = bench.run("--listen", "127.0.0.1:1")
    assert second.returncode == 1 and "another holdfastd" in second.stderr


def test_children_die_with_the_supervisor(bench):
    bench.start()
    pids = [bench.pid(child) for child in ("core", "store", "gateway", "verifier-token")]
    bench.daemon.kill()
    bench.daemon.wait()
    wait_until("all children gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 5)


def test_notify_socket(bench, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.settimeout(5)
        bench.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert s.recv(100) == b"READY=1"
        bench.daemon.send_signal(signal.SIGHUP)
        assert s.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert s.recv(100) == b"READY=1"
        bench.daemon.send_signal(signal.SIGTERM)
        assert s.recv(100) == b"STOPPING=1"


# ---- crashes ----

@pytest.mark.parametrize("child", ["core", "store", "gateway", "verifier-token"])
def test_a_killed_child_is_replaced_and_wired_again(bench, child):
    bench.start()
    old = bench.pid(child)
    bench.kill(child)
    bench.wait_for_log(child, " START ", times=2)
    assert bench.pid(child) != old
    if child == "core":
        bench.wait_for_log("core", "ROOT_KEY 64", times=2)
        bench.wait_for_log("core", f"AUDIT_RING ring of {old}")
        for other, lanes in (("store", 1), ("verifier-token", 1), ("gateway", 2)):
            bench.wait_for_log(other, "PEER 2", times=2 * lanes)
        bench.wait_for_log("core", "PROCESS_UP role=3", times=2)
    else:
        bench.wait_for_log(child, "PEER 2", times=4 if child == "gateway" else 2)
        bench.wait_for_log("core", "PROCESS_UP .*starts=2")
    assert bench.stop() == 0


def test_backoff_doubles_then_the_child_stays_down_with_an_alarm(bench):
    bench.start()
    delays = []
    for n in range(1, 5):
        killed = time.monotonic()
        bench.kill("gateway")
        bench.wait_for_log("gateway", " START ", times=n + 1)
        delays.append(time.monotonic() - killed)
    for got, want in zip(delays, (0.1, 0.2, 0.4, 0.8)):
        assert want <= got < want + 0.5, delays
    bench.kill("gateway")
    bench.wait_for_log("core", "ALARM gateway crashed 5 times")
    bench.wait_for_output("stays down")
    time.sleep(2)
    assert len(bench.wait_for_log("gateway", " START ", times=5)) == 5, "it was started a sixth time"
    assert bench.daemon.poll() is None, "the rest keeps running"
    assert bench.stop() == 0


def test_a_child_that_breaks_the_protocol_is_killed_and_replaced(bench):
    bench.start()
    bench.do("gateway", "garbage")
    bench.wait_for_log("gateway", " START ", times=2)
    assert "gateway" in bench.output() and "is killed" in bench.output()


@pytest.mark.parametrize("order", ["anchor evil", "epoch evil", "keyset", "unseal", "alarm evil"])
def test_only_core_may_ask_the_supervisor(bench, order):
    """The gateway says what only core may say: nothing of it is done, and it is gone."""
    before = {p.name: p.read_bytes() for p in bench.data.iterdir() if p.is_file()}
    bench.start()
    bench.do("verifier-token", order)
    bench.wait_for_log("verifier-token", " START ", times=2)
    assert {p.name: p.read_bytes() for p in bench.data.iterdir() if p.is_file()} == before
    assert not (bench.anchor / "anchor").exists()


def test_a_gateway_that_floods_alarms_is_killed(bench):
    """It must fill neither the audit nor the queue of core, whose end that would be."""
    bench.start()
    bench.do("gateway", "alarm one")
    bench.wait_for_log("core", "ALARM gateway: one")
    bench.do("gateway", "alarms many")
    bench.wait_for_log("gateway", " START ", times=2)
    assert 10 <= bench.output().count("ALARM: gateway: many") <= 20


def test_deaf_children_are_killed_after_ten_seconds(bench):
    bench.order("core", "deaf")
    bench.start()
    begun = time.monotonic()
    assert bench.stop(seconds=20) == 1
    assert 9 < time.monotonic() - begun < 14
    assert "core (process" in bench.output() and "did not stop in time" in bench.output()


# ---- starts that must not succeed ----

def test_a_child_that_refuses_to_start_ends_the_start(bench):
    bench.order("store", "exit")
    done = bench.run()
    assert done.returncode == 1 and "store does not start (exit code 3)" in done.stderr
    assert "holdfastd: ready" not in done.stderr


def test_rollback_ends_the_start_with_the_sentence(bench):
    bench.order("core", "rollback")
    done = bench.run()
    assert done.returncode == 1 and "older than its anchor" in done.stderr and "holdfastd: ready" not in done.stderr


def test_a_tls_key_that_core_refuses_ends_the_start(bench):
    bench.order("core", "nokey")
    done = bench.run()
    assert done.returncode == 1 and "the key of server.tls_key cannot be used" in done.stderr and "holdfastd: ready" not in done.stderr


def test_the_tls_key_comes_again_with_every_core_and_reload(bench):
    bench.start()
    bench.wait_for_log("core", "TLS_KEY")
    bench.kill("core")
    bench.wait_for_log("core", "TLS_KEY", times=2)
    bench.daemon.send_signal(signal.SIGHUP)
    bench.wait_for_log("core", "TLS_KEY", times=3)


def test_not_ready_before_the_seal_is_open(bench):
    bench.order("core", "sealed")
    bench.start(ready=False)
    bench.wait_for_log("core", "PROCESS_UP role=3")
    time.sleep(0.5)
    assert "holdfastd: ready" not in bench.output()
    bench.do("core", "unseal")
    bench.wait_for_output("holdfastd: ready")


@pytest.mark.parametrize("byte", [0, 1, 3, 4, 36, 100, 131])
def test_damaged_seal_ends_the_start(bench, byte):
    path = bench.data / "seal" / "root.key"
    sealed = bytearray(path.read_bytes())
    sealed[byte] ^= 1
    path.write_bytes(sealed)
    done = bench.run()
    assert done.returncode == 1 and "seal/root.key" in done.stderr, done.stderr
    assert not any("ROOT_KEY" in line for line in bench.log("core"))
    assert any("UNSEAL_FAILED" in line for line in bench.log("core")), "core is told the reason too"


@pytest.mark.parametrize("cut", [0, 131, 133])
def test_seal_of_another_length(bench, cut):
    path = bench.data / "seal" / "root.key"
    path.write_bytes((path.read_bytes() + b"x")[:cut])
    done = bench.run()
    assert done.returncode == 1 and "length" in done.stderr


def test_missing_programs_and_folders(bench, tmp_path):
    (bench.libexec / "gateway").unlink()
    assert "libexec/holdfast/gateway cannot be opened" in bench.run().stderr
    nowhere = subprocess.run(bench.command("--data", tmp_path / "none"), capture_output=True, text=True, env=clean_environment())
    assert nowhere.returncode == 1


def test_address_in_use(bench):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        done = bench.run("--listen", f"127.0.0.1:{s.getsockname()[1]}")
    assert done.returncode == 1 and "cannot listen on 127.0.0.1" in done.stderr


def test_local_socket_does_not_replace_a_file_or_a_live_socket(bench):
    path = bench.work / "precious"
    path.write_text("data")
    done = bench.run("--socket", path)
    assert done.returncode == 1 and path.read_text() == "data"
    live = bench.work / "live.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(live))
        s.listen()
        done = bench.run("--socket", live)
        assert done.returncode == 1 and live.exists() and "another" in done.stderr


# ---- options and environment ----

def test_check(bench):
    done = bench.run("--check")
    assert done.returncode == 0 and "fine" in done.stderr and not bench.log()


def test_check_beside_a_running_daemon(bench):
    bench.start()
    done = bench.run("--check")
    assert done.returncode == 0 and "fine" in done.stderr, done


@pytest.mark.parametrize("name", ["HOLDFAST_STRICT", "AUNSORM_STRICT"])
@pytest.mark.parametrize("value", ["", "2", "yes", "true", " 1", "01"])
def test_strict_variable_takes_1_or_0_only(bench, name, value):
    done = bench.run("--check", **{name: value})
    assert done.returncode == 2 and name in done.stderr and "1 or 0" in done.stderr


@pytest.mark.parametrize("arguments, env, conf, strict", [
    ([], {}, "no", 0), ([], {}, "yes", 1), ([], {"HOLDFAST_STRICT": "1"}, "no", 1), ([], {"AUNSORM_STRICT": "1"}, "no", 1),
    ([], {"HOLDFAST_STRICT": "0"}, "yes", 0), (["--strict"], {"HOLDFAST_STRICT": "0"}, "no", 1),
])
def test_strict_comes_from_line_then_environment_then_file(bench, arguments, env, conf, strict):
    path = bench.data / "holdfast.conf"
    path.write_text(path.read_text().replace("strict = no", f"strict = {conf}"))
    bench.start(*arguments, **env)
    assert f"CONFIG strict={strict} " in "\n".join(bench.log("core"))


def test_contradicting_strict_variables(bench):
    done = bench.run("--check", HOLDFAST_STRICT="1", AUNSORM_STRICT="0")
    assert done.returncode == 2 and "different" in done.stderr


def test_unknown_option_and_data_by_environment(bench):
    assert bench.run("--frobnicate").returncode == 2
    line = [word for word in bench.command("--check") if word not in ("--data", str(bench.data))]
    done = subprocess.run(line, capture_output=True, text=True, env=clean_environment(HOLDFAST_DATA=str(bench.data)))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("change, sentence", [
    (lambda t: t.replace("lanes = 2", "lanes = 0"), r"core.lanes must be a whole number from 1 to 16"),
    (lambda t: t.replace("lanes = 2", "lanes = +2"), r"whole number"),
    (lambda t: t.replace("lanes = 2", "lanes = 99999999999"), r"whole number"),
    (lambda t: t + "\nfrobnicate = 1\n", r"section [store] has no option 'frobnicate'"),
    (lambda t: t + "\n[nonsense]\nx = 1\n", r"there is no section [nonsense]"),
    (lambda t: "x = 1\n" + t, r"line 1: option 'x' stands before the first [section]"),
    (lambda t: t + "\nengine = sqlite\n", r"given twice"),
    (lambda t: t + "\njust words\n", r"neither '[section]' nor 'option = value'"),
    (lambda t: t.replace("strict = no", "strict = maybe"), r"security.strict must be no or yes"),
    (lambda t: t.replace("engine = sqlite", "engine = oracle"), r"store.engine must be sqlite or memory"),
    (lambda t: t.replace("kind = file", "kind = paper"), r"seal.kind must be file"),
    (lambda t: t.replace("key_cache_mib = 3", "key_cache_mib = 4"), r"at most half of core.arena_mib"),
    (lambda t: t.replace("actor_burst = 200", "actor_burst = 99"), r"core.actor_burst"),
    (lambda t: t.replace("tls_key = ", "tls_key = " + "x" * 200), r"longer than 180 bytes"),
    (lambda t: t + "\n# \x01\n", r"control characters"),
    (lambda t: t + "#" * 70000, r"larger than"),
])
def test_bad_configuration_is_refused_with_a_sentence(bench, change, sentence):
    path = bench.data / "holdfast.conf"
    path.write_text(change(path.read_text()))
    done = bench.run("--check")
    assert done.returncode == 1 and sentence in done.stderr, done.stderr
    if "twice" in sentence or "section [store]" in sentence:
        assert "line " in done.stderr


@pytest.mark.parametrize("listen", ["localhost:1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:80", "[::1]", ":80", "[127.0.0.1]:80", "1.2.3:80"])
def test_bad_addresses(bench, listen):
    path = bench.data / "holdfast.conf"
    path.write_text(path.read_text().replace(f"listen = 127.0.0.1:{bench.port}", f"listen = {listen}"))
    done = bench.run("--check")
    assert done.returncode == 1 and "server.listen must be" in done.stderr


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"version":1,"generation":1,"keys":[],"mac_b64":"AAAA"}', "{" * 1000])
def test_bad_keyset_is_refused(bench, text):
    (bench.data / "keyset.json").write_text(text)
    done = bench.run("--check")
    assert done.returncode == 1 and "keyset.json" in done.stderr


def test_keyset_without_mac_is_refused(bench):
    import json
    path = bench.data / "keyset.json"
    keyset = json.loads(path.read_text())
    del keyset["mac_b64"]
    path.write_text(json.dumps(keyset))
    done = bench.run("--check")
    assert done.returncode == 1 and "no MAC" in done.stderr


# ---- files that core has written ----

def test_epoch_is_replaced_and_the_old_content_erased(bench):
    bench.start()
    bench.do("core", "epoch first-epoch-key")
    bench.wait_for_log("core", "ACK 9 ok")
    path = bench.data / "epoch.key"
    assert path.read_text() == "first-epoch-key" and path.stat().st_mode & 0o777 == 0o600
    held = open(path, "rb")  # keeps the old inode readable for this test
    bench.do("core", "epoch second-epoch-key")
    bench.wait_for_log("core", "ACK 9 ok", times=2)
    assert path.read_text() == "second-epoch-key"
    assert held.read() == bytes(len("first-epoch-key")), "the old content is still in the old file"
    bench.kill("core")
    bench.wait_for_log("core", "SAVED_FILES epoch=1:second-epoch-key")


def test_anchor_needs_a_folder(tmp_path):
    b = Bench(tmp_path)
    line = b.command()
    at = line.index("--anchor")
    b.command = lambda *more: line[:at] + line[at + 2:] + list(map(str, more))
    try:
        b.start()
        b.do("core", "anchor x")
        b.wait_for_log("core", "ACK 7 unsupported")
    finally:
        b.stop()


def test_anchor_survives_a_restart(bench):
    bench.start()
    bench.do("core", "anchor checkpoint-1")
    bench.wait_for_log("core", "ACK 7 ok")
    bench.kill("core")
    bench.wait_for_log("core", "SAVED_FILES .*anchor=1:checkpoint-1")


def test_full_disk_is_an_error_answer(bench):
    """The anchor folder goes away: core hears it, nobody dies."""
    bench.start()
    for name in bench.anchor.iterdir():
        name.unlink()
    bench.anchor.rmdir()
    bench.do("core", "anchor x")
    bench.wait_for_log("core", "ACK 7 system")
    assert bench.daemon.poll() is None


# ---- reload ----

def test_new_keyset_from_core_is_written_and_given_to_a_new_verifier(bench):
    import json
    bench.start()
    before = json.loads((bench.data / "keyset.json").read_text())
    old = bench.pid("verifier-token")
    bench.do("core", "keyset")
    bench.wait_for_log("core", "ACK 8 ok")
    bench.wait_for_log("verifier-token", "KEYSET generation=2")
    after = json.loads((bench.data / "keyset.json").read_text())
    assert after == {**before, "generation": 2}
    bench.wait_for_log("core", "PEER 5", times=2)
    bench.wait_for_log("verifier-token", f" {old} STOP|EXIT")
    wait_until("the old verifier ends", lambda: not os.path.exists(f"/proc/{old}"))
    assert bench.stop() == 0
    assert bench.run("--check").returncode == 0


def test_reload_takes_files_anew(bench):
    bench.start()
    path = bench.data / "holdfast.conf"
    path.write_text(path.read_text().replace("leeway_s = 5", "leeway_s = 6"))
    bench.daemon.send_signal(signal.SIGHUP)
    bench.wait_for_log("verifier-token", " START ", times=2)
    bench.wait_for_log("gateway", "CONFIG_GATEWAY fds=sf", times=2)
    bench.wait_for_output("reloaded")
    bench.wait_for_log("core", "KEYSET generation=1 id=1")
    bench.wait_for_log("core", "PEER 5", times=2)


def test_reload_of_a_bad_file_keeps_the_old_state(bench):
    bench.start()
    path = bench.data / "holdfast.conf"
    path.write_text("[core]\nlanes = many\n")
    verifier = bench.pid("verifier-token")
    bench.daemon.send_signal(signal.SIGHUP)
    bench.wait_for_output("reload refused")
    assert "line 2" in bench.output() and bench.pid("verifier-token") == verifier
    bench.wait_for_log("core", "ALARM reload refused")
    bench.kill("core")
    bench.wait_for_log("core", "CONFIG strict=0 lanes=2", times=2)


def test_a_keyset_that_core_refuses_changes_nothing(bench):
    import json
    bench.order("core", "nack")
    bench.start()
    path = bench.data / "keyset.json"
    keyset = json.loads(path.read_text())
    path.write_text(json.dumps({**keyset, "generation": 7}))
    verifier = bench.pid("verifier-token")
    bench.daemon.send_signal(signal.SIGHUP)
    bench.wait_for_log("core", "KEYSET generation=7 id=1")
    bench.wait_for_output("does not carry core's MAC")
    bench.wait_for_log("verifier-token", "STOP")
    assert os.path.exists(f"/proc/{verifier}"), "the old verifier stays"
    assert len(bench.wait_for_log("core", "PEER 5")) == 1
    bench.kill("verifier-token".replace("verifier-token", "core"))
    bench.wait_for_log("core", "KEYSET generation=1 id=0", times=2)


def test_a_verifier_that_cannot_start_changes_nothing(bench):
    bench.start()
    bench.order("verifier-token", "exit")
    verifier = bench.pid("verifier-token")
    bench.daemon.send_signal(signal.SIGHUP)
    bench.wait_for_output("the new verifier ended before it was ready")
    assert os.path.exists(f"/proc/{verifier}")
    assert bench.stop() == 0
