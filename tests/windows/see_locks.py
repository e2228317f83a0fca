#!/usr/bin/python3
"""VirtualLock of Wine is mlock: Linux, which knows nothing of the library, says what of a running program is locked. Prints TAP.

    see_locks.py WRAPPER HOLDER.exe
"""
import ctypes
import re
import resource
import subprocess
import sys

PR_CAPBSET_DROP, CAP_IPC_LOCK = 24, 14
LIMIT = 4 << 20


def start(*arguments, limit=None):
    def lower():
        """Root has no limit as long as it has CAP_IPC_LOCK, which a started program gets from the bounding set."""
        if limit is not None:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))

    return subprocess.Popen([*sys.argv[1:], *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lower)


def said(process, count):
    """What the program says, as (word, address, bytes)."""
    lines = [process.stdout.readline().split() for _ in range(count)]
    return {word: (int(at, 16), int(size)) for word, at, size in lines}


def mapping(process, address):
    """Rights and flags of the mapping that the address lies in; None when there is none."""
    found = None
    with open(f"/proc/{process.pid}/smaps", encoding="ascii") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ", line)
            if head:
                inside = int(head[1], 16) <= address < int(head[2], 16)
                found = {"rights": head[3]} if inside else found
                seek = inside
            elif line.startswith("VmFlags:") and seek:
                found["flags"] = line.split()[1:]
    return found


def locked(process, address):
    m = mapping(process, address)
    return m is not None and "lo" in m["flags"]


def end(process):
    process.stdin.close()
    process.wait(60)


def pools_are_locked():
    p = start("pool")
    at, size = said(p, 1)["locked"]
    assert all(locked(p, a) for a in range(at, at + size, 4096)), mapping(p, at)
    assert not locked(p, at - (1 << 20)), "its neighbours are locked as well: nothing is shown"
    p.stdin.write("\n")
    p.stdin.flush()
    at, _ = said(p, 1)["gone"]
    assert not locked(p, at)
    end(p)


def what_is_closed_stays_locked():
    p = start("region")
    ranges = said(p, 2)
    at, size = ranges["closed"]
    assert all(mapping(p, a)["rights"].startswith("---") for a in range(at, at + size, 4096)), mapping(p, at)
    at, size = ranges["locked"]
    assert all(locked(p, a) and mapping(p, a)["rights"].startswith("r--") for a in range(at, at + size, 4096)), mapping(p, at)
    assert not locked(p, at + size)  # the guard
    end(p)


def a_limit_is_an_error_and_never_ordinary_memory():
    p = start("refused", str(16 << 20), limit=LIMIT)
    said_now, _ = p.communicate(timeout=60)
    m = re.search(r"alloc locked_memory after (\d+) of (\d+) locked: .*VirtualLock", said_now)
    assert m, said_now
    assert LIMIT // 4 <= int(m[1]) <= int(m[2]) <= LIMIT, said_now
    assert re.search("buffer locked_memory: .*VirtualLock", said_now), said_now


def without_a_limit_the_same_is_had():
    p = start("refused", str(16 << 20))
    said_now, _ = p.communicate(timeout=60)
    m = re.search(r"alloc locked_memory after (\d+) of (\d+) locked: .*maximum", said_now)
    assert m and int(m[1]) > LIMIT, said_now


def main():
    tests = [pools_are_locked, what_is_closed_stays_locked, a_limit_is_an_error_and_never_ordinary_memory]
    free = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    print(f"1..{len(tests) + 1}")
    failed = 0
    for number, test in enumerate([*tests, without_a_limit_the_same_is_had], 1):
        try:
            if test is without_a_limit_the_same_is_had and not lifted() and free != resource.RLIM_INFINITY and free < 32 << 20:
                print(f"ok {number} - {test.__name__} # SKIP RLIMIT_MEMLOCK is {free} bytes here")
                continue
            test()
            print(f"ok {number} - {test.__name__}")
        except (AssertionError, ValueError, subprocess.TimeoutExpired) as e:
            failed += 1
            print("# " + str(e).replace("\n", "\n# "))
            print(f"not ok {number} - {test.__name__}")
    return 1 if failed else 0


def lifted():
    with open("/proc/self/status", encoding="ascii") as f:
        return int(re.search(r"CapEff:\s+([0-9a-f]+)", f.read())[1], 16) >> CAP_IPC_LOCK & 1 == 1


sys.exit(main())
