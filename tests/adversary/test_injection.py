"""Root takes over each running release process by ptrace and makes it try what it may never do.

A refused call gives EPERM or ends the process with SIGSYS; a process without a sandbox shows that the same injection works.
"""
import errno
import os
import platform
import re
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

import bpf
from attack import CORE_CONFIG, TOOLS, UIDS, USERS, Nursery, Target, inject, open_folder, stage_copy, status, threads, tool
from hsm import STAGE, Hsm

if os.geteuid() != 0:
    pytest.skip("only root can steer other processes", allow_module_level=True)
if platform.machine() != "x86_64":
    pytest.skip("the injected calls need root and x86-64 call numbers", allow_module_level=True)

SNAPSHOTS = Path(__file__).resolve().parents[1] / "snapshots"
PROCESSES = list(UIDS)
SERVED = ["core", "gateway", "store", "verifier-token"]
MAP_PRIVATE_ANONYMOUS, RWX, RX = 0x22, 7, 5
LOOPBACK = "x:0200" + struct.pack(">H", 9).hex() + socket.inet_aton("127.0.0.1").hex() + "00" * 8
PEEK, SET_DUMPABLE, NEW_USER_SPACE = 2, 4, 0x10000000
# What fork() and pthread_create() say; the second is what core may do.
FORK_FLAGS = signal.SIGCHLD

# name: (number, arguments). Where a call needs objects that the process does not have, another error than EPERM shows that it was let through.
CALLS = {
    "socket": (41, 2, 1, 0), "socketpair": (53, 1, 1, 0, 0), "connect": (42, 999, LOOPBACK, 16), "bind": (49, 999, LOOPBACK, 16),
    "listen": (50, 999, 1), "openat": (257, -100, "s:/etc/hostname", 0), "open": (2, "s:/etc/hostname", 0),
    "openat2": (437, -100, "s:/etc/hostname", "x:" + "00" * 24, 24), "execve": (59, "s:/bin/true", "p:0", "p:"), "fork": (57,),
    "clone": (56, FORK_FLAGS, 0, 0, 0, 0), "ptrace": (101, PEEK, 99999999, 0, 0), "process_vm_readv": (310, 99999999, 0, 0, 0, 0, 0),
    "mmap executable": (9, 0, 4096, RWX, MAP_PRIVATE_ANONYMOUS, -1, 0), "mprotect executable": (10, 0, 4096, RX),
    "memfd_create": (319, "s:x", 0), "prctl": (157, SET_DUMPABLE, 1, 0, 0, 0), "kill": (62, 99999999, 0), "pidfd_open": (434, 99999999, 0),
    "unshare": (272, NEW_USER_SPACE), "io_uring_setup": (425, 1, 0), "bpf": (321, 0, 0, 0), "setuid": (105, 0),
}


@pytest.fixture(scope="module", params=USERS)
def nursery(request):
    user = USERS[request.param]
    with open_folder() as folder:
        n = Nursery(folder, stage=stage_copy(folder) if user else STAGE, user=user)
        yield n
        n.stop()


@pytest.fixture(scope="module")
def service():
    with open_folder() as folder:
        t = Target(folder)
        t.load.stop()
        yield t
        t.stop()


class Control:
    """A process without a sandbox, which stays the same whatever is injected."""

    def __enter__(self):
        self.process = subprocess.Popen(["sleep", "600"], start_new_session=True)
        while b"sleep" not in Path(f"/proc/{self.process.pid}/cmdline").read_bytes() or status(self.process.pid, self.process.pid)["State"][0] != "S":
            time.sleep(0.005)
        return self.process.pid

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def is_refused(outcome):
    return outcome in (("errno", errno.EPERM), ("killed", signal.SIGSYS))


# ---- calls ----

@pytest.mark.parametrize("name", CALLS)
def test_the_injection_works_where_there_is_no_sandbox(name):
    with Control() as pid:
        outcome = inject(pid, *CALLS[name])
        assert not is_refused(outcome), outcome
        if name in ("socket", "openat", "open", "fork", "clone", "memfd_create", "mmap executable", "setuid", "prctl", "unshare"):
            assert outcome[0] == "value", outcome


@pytest.mark.parametrize("process", PROCESSES)
def test_forbidden_calls_are_refused(nursery, process):
    """Each on a fresh process, parked as it is in service."""
    seen = {}
    for name, call in CALLS.items():
        seen[name] = inject(nursery.start(process), *call)
        nursery.end_last()
    print(process, {n: "EPERM" if o == ("errno", errno.EPERM) else o for n, o in seen.items()})
    assert {name: outcome for name, outcome in seen.items() if not is_refused(outcome)} == {}


def test_calls_of_other_machines_are_refused(nursery):
    """The x32 numbers share the architecture value of x86-64; getpid, which is allowed, must not pass by its x32 number."""
    for process in PROCESSES:
        assert inject(nursery.start(process), 0x40000027) == ("killed", signal.SIGSYS), process


def test_every_thread_is_confined(service):
    """Also the threads that worked long before: the call is refused in each of them."""
    for process, pid in service.hsm.children().items():
        tids = threads(pid)
        assert len(tids) >= {"core": 3, "gateway": 3}.get(process, 1) - 1, process
        for tid in tids:
            assert inject(tid, *CALLS["socket"]) == ("errno", errno.EPERM), process
            assert inject(tid, 257, -100, 0, 0) == ("errno", errno.EPERM), process
    assert service.hsm.get("/api/v1/status").status == 200


def test_without_the_filter_the_calls_come_through(service, tmp_path):
    """A mutation: core built without its filter. Landlock, which is left, still refuses files."""
    with open_folder() as folder:
        nursery = Nursery(folder, stage=stage_copy(folder, core=TOOLS / "core-no-filter"))
        try:
            channel, pid = nursery.spawn("core")
            channel.send("CONFIG_CORE", **CORE_CONFIG)
            channel.send("SAVED_FILES", has_epoch=False, has_anchor=False)
            channel.send("KEYSET", **nursery.keyset)
            nursery.wait_ready(channel)
            assert status(pid, pid)["Seccomp"] == "0"
            assert inject(pid, *CALLS["socket"])[0] == "value"
            assert inject(pid, *CALLS["mmap executable"])[0] == "value"
            assert inject(pid, *CALLS["openat"]) == ("errno", errno.EACCES)
            assert inject(pid, *CALLS["execve"]) == ("errno", errno.EACCES)
            assert inject(pid, *CALLS["setuid"]) == ("errno", errno.EPERM)
        finally:
            nursery.stop()


# ---- what a process may do reaches no further than its part ----

def test_store_reaches_no_file_outside_its_folder(nursery):
    """unlink is in its list: Landlock must refuse it where the rights of the file would allow it."""
    with open_folder() as folder:
        folder.chmod(0o777)
        victim = folder / "victim"
        victim.write_text("x")
        pid = nursery.start("store")
        assert inject(pid, 87, f"s:{victim}") == ("errno", errno.EACCES)
        assert victim.exists()
        inside = nursery.folder / f"store-{nursery.count}" / "inside"
        inside.write_text("x")
        assert inject(pid, 87, f"s:{inside}") == ("value", 0)
        uid = os.stat(f"/proc/{pid}/task").st_uid
        done = subprocess.run(["setpriv", f"--reuid={uid or UIDS['store']}", "--clear-groups", "rm", "-f", victim], check=False)
        assert done.returncode == 0 and not victim.exists() # the same user without the sandbox can


def test_gateway_accepts_and_does_nothing_else_with_sockets(nursery):
    pid = nursery.start("gateway")
    listening = next(int(fd) for fd in os.listdir(f"/proc/{pid}/fd") if fd_kind(pid, fd) == "socket" and int(fd) > 3)
    assert inject(pid, 288, listening, 0, 0, 0) in [("errno", errno.EAGAIN), ("errno", errno.EINVAL), ("errno", errno.EOPNOTSUPP)]
    assert is_refused(inject(pid, 42, listening, LOOPBACK, 16))


def test_supervisor_can_start_processes_but_not_look_into_them(service):
    """holdfastd keeps the rights that starting children needs; the right to trace is not among them."""
    supervisor, core = service.hsm.supervisor_pid(), service.core()
    assert inject(supervisor, 101, 0x4206, core, 0, 0) == ("errno", errno.EPERM) # PTRACE_SEIZE
    page = f"x:{struct.pack('<QQ', 0x1000, 8).hex()}"
    assert inject(supervisor, 310, core, page, 1, page, 1, 0) == ("errno", errno.EPERM)
    assert inject(supervisor, 257, -100, f"s:/proc/{core}/mem", 0)[1] in (errno.EACCES, errno.EPERM)
    pidfd = inject(supervisor, 434, core, 0)
    assert pidfd[0] == "value"
    assert inject(supervisor, 438, pidfd[1], 3, 0) == ("errno", errno.EPERM) # pidfd_getfd
    inject(supervisor, 3, pidfd[1])
    with Control() as pid: # root with all its rights can do the same
        assert inject(pid, 310, core, page, 1, page, 1, 0) == ("errno", errno.EFAULT)
        pidfd = inject(pid, 434, core, 0)
        assert inject(pid, 438, pidfd[1], 3, 0)[0] == "value"


# ---- state of every process ----

KEPT_BY_SUPERVISOR = sum(1 << bit for bit in (0, 1, 3, 5, 6, 7, 8, 10, 14, 21, 24))


def test_rights_of_every_thread(service):
    uids = set()
    for process, pid in service.hsm.children().items():
        for tid in threads(pid):
            s = status(pid, tid)
            assert s["Seccomp"] == "2" and s["NoNewPrivs"] == "1", (process, tid)
            for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(s[field], 16) == 0, (process, field, s[field])
            assert set(s["Uid"].split()) == {str(UIDS[process])} and set(s["Gid"].split()) == {str(UIDS[process])}
            assert s["Groups"].strip() == ""
        uids.add(UIDS[process])
    assert len(uids) == 4
    s = status(service.hsm.supervisor_pid(), service.hsm.supervisor_pid())
    assert s["NoNewPrivs"] == "1"
    for field in ("CapPrm", "CapEff", "CapBnd"):
        assert int(s[field], 16) & ~KEPT_BY_SUPERVISOR == 0, field
    assert int(s["CapInh"], 16) == int(s["CapAmb"], 16) == 0


def test_rights_as_an_ordinary_user():
    with open_folder() as folder:
        hsm = Hsm(folder / "hsm", stage=stage_copy(folder), run_as="nobody").init().start()
        try:
            pids = hsm.children() # the short ones, which read a key or the configuration, may be on their way out
            for process, pid in ((name, pids[name]) for name in SERVED):
                for tid in threads(pid):
                    s = status(pid, tid)
                    assert s["Seccomp"] == "2" and s["NoNewPrivs"] == "1", (process, tid)
                    assert int(s["CapPrm"], 16) == int(s["CapEff"], 16) == int(s["CapInh"], 16) == int(s["CapAmb"], 16) == 0
                assert inject(pid, *CALLS["socket"]) == ("errno", errno.EPERM)
            rows = hsm.get("/api/v1/capabilities").json["protections"]
            states = {(r["process"], r["name"]): r["state"] for r in rows}
            for process in SERVED:
                assert states[process, "seccomp"] == states[process, "no-new-privs"] == states[process, "not-dumpable"] == "active"
                assert states[process, "own-uid"] == "degraded"
        finally:
            hsm.stop()


def attach_as(uid, pid):
    """Whether a process with this uid and no capability can trace pid: 0 when it can."""
    code = ("import ctypes,os,sys;l=ctypes.CDLL(None,use_errno=True);p=int(sys.argv[1]);"
            "r=l.ptrace(0x4206,p,None,None);e=ctypes.get_errno();print(e if r else 0)")
    done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "/usr/bin/python3", "-c", code, str(pid)],
                          capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_the_same_user_cannot_trace(service):
    """Not dumpable: a second process of the same uid, as a sibling of the same ordinary user would be, gets nothing."""
    for process, pid in service.hsm.children().items():
        uid = UIDS[process]
        assert attach_as(uid, pid) == errno.EPERM, process
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0, process # would be the user's if it were dumpable
        with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
            assert re.search(r"Max core file size +0 +0 ", limits.read()), process
    own = subprocess.Popen(["setpriv", f"--reuid={UIDS['core']}", f"--regid={UIDS['core']}", "--clear-groups", "sleep", "60"])
    try:
        while b"setpriv" in Path(f"/proc/{own.pid}/cmdline").read_bytes():
            time.sleep(0.005)
        assert attach_as(UIDS["core"], own.pid) == 0 # control: a dumpable one can be traced
    finally:
        own.kill()
        own.wait()


def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def test_own_empty_networks(service):
    """All but the gateway live in a network of their own, with a loopback that is down and nothing else."""
    here = namespace("self", "net")
    seen = {process: namespace(pid, "net") for process, pid in service.hsm.children().items()}
    assert seen.pop("gateway") == here
    assert len({here, *seen.values()}) == 4
    look = ("import os,sys,socket,fcntl,struct;os.setns(os.open(sys.argv[1],0));s=socket.socket();"
            "f=lambda n:struct.unpack_from('H',fcntl.ioctl(s,0x8913,struct.pack('16sH14x',n.encode(),0)),16)[0]&1;"
            "print([(n,f(n)) for _,n in socket.if_nameindex() if n=='lo' or f(n)])")
    for process in seen:
        pid = service.hsm.children()[process]
        done = subprocess.run(["/usr/bin/python3", "-c", look, f"/proc/{pid}/ns/net"], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[('lo', 0)]", process


def fd_kind(pid, fd):
    target = os.readlink(f"/proc/{pid}/fd/{fd}")
    return "file" if target.startswith("/") else target.split(":")[0] + (":" + target.split(":", 1)[1] if target.startswith("anon") else "")


def descriptors(pid):
    """descriptor -> what it is; numbers 0, 1 and 2 are what holdfastd was started with."""
    found = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    return {fd: target for fd, target in found.items() if fd > 2}


def counted(pid):
    kinds = (re.sub(r"^socket:.*", "socket", re.sub(r" \(deleted\)$", "", t)) for t in descriptors(pid).values())
    return Counter(t.removeprefix("anon_inode:") for t in kinds)


def test_open_descriptors(tmp_path):
    """Exactly the channels, loops and files that the part of a process needs; no end of a channel is held twice."""
    hsm = Hsm(tmp_path / "hsm").init().start()
    try:
        pids, store = hsm.children(), str(hsm.data / "store")
        core_lanes = len(threads(pids["core"])) - 2  # the main thread has no loop, nor has the one for slow work
        gateway_lanes = len(threads(pids["gateway"])) - 1
        loops = lambda n: {"[eventpoll]": n, "[eventfd]": n} # noqa: E731
        # The short processes (root key, certificate key) may still be on their way out when the HSM is ready.
        wanted = {**loops(core_lanes), "socket": 3 + gateway_lanes, "/memfd:holdfast-audit": 1}
        deadline = time.monotonic() + 10
        while counted(pids["core"]) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        assert counted(pids["core"]) == wanted
        assert counted(pids["gateway"]) == {**loops(1 + gateway_lanes), "socket": 2 + gateway_lanes}
        assert counted(pids["verifier-token"]) == {**loops(1), "socket": 2}
        assert counted(pids["store"]) == {**loops(1), "[signalfd]": 1, "socket": 2, store: 1, store + "/store.db": 1, store + "/store.db-wal": 1}
        sockets = Counter(t for pid in pids.values() for t in descriptors(pid).values() if t.startswith("socket:"))
        assert set(sockets.values()) == {1}, sockets
    finally:
        hsm.stop()


# ---- the filters themselves ----

def installed_filters(pid):
    return bpf.parse(tool("filter-dump", pid))


@pytest.mark.parametrize("process", PROCESSES)
def test_allow_lists_are_those_of_the_snapshots(nursery, process):
    """Read back from the kernel, out of the running release process. HOLDFAST_UPDATE_SNAPSHOTS=1 writes them anew."""
    filters = installed_filters(nursery.start(process))
    assert len(filters) == 1
    text = bpf.text(filters[0])
    path = SNAPSHOTS / f"syscalls-{process}.txt"
    if os.environ.get("HOLDFAST_UPDATE_SNAPSHOTS") == "1":
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs from what {process} may do: a new entry needs a second reader"


@pytest.mark.parametrize("process", PROCESSES)
def test_filters_kill_what_they_do_not_know(nursery, process):
    program = installed_filters(nursery.start(process))[0]
    names = bpf.call_names()
    for number in [n for n in range(1024) if n not in names] + [1 << 20, (1 << 32) - 1] + [0x40000000 + n for n in range(600)]:
        assert {action for _, action in bpf.paths(program, number)} == {"kill"}, number
    for number in range(512):
        assert {action for _, action in bpf.paths(program, number, arch=bpf.I386)} == {"kill"}, number


NEVER = {"execve", "execveat", "fork", "vfork", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "socket", "socketpair", "connect", "bind",
         "listen", "open", "openat", "openat2", "creat", "memfd_create", "memfd_secret", "mount", "unshare", "setns", "setuid", "setresuid", "capset",
         "prctl", "seccomp", "bpf", "io_uring_setup", "io_uring_enter", "kill", "tkill", "tgkill", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
         "init_module", "finit_module", "keyctl", "perf_event_open", "userfaultfd", "process_madvise", "chmod", "chown", "link", "symlink", "vmsplice"}


@pytest.mark.parametrize("process", PROCESSES)
def test_no_allow_list_holds_a_forbidden_call(nursery, process):
    """Independent of the snapshot, so that a careless update of it is still noticed."""
    allowed = bpf.decisions(installed_filters(nursery.start(process))[0])
    for name in NEVER:
        assert all(action != "allow" for _, action in allowed.get(name, [])), name
    assert process == "gateway" or all(a != "allow" for n in ("accept", "accept4") for _, a in allowed.get(n, []))
    for when, action in allowed.get("mmap", []) + allowed.get("mprotect", []):
        if action == "allow":
            rights = int(re.fullmatch(r"argument 2 is (\d+)", when).group(1))
            assert rights & 4 == 0, (process, when)
    for when, action in allowed.get("clone", []):
        if action == "allow": # only with the flags of a thread
            flags = int(re.fullmatch(r"argument 0 is (\d+)", when).group(1))
            assert process == "core" and flags & 0x10100 == 0x10100
