"""The memory library beside floors and peers: the ideal slab, malloc, libsodium, OpenSSL's secure heap, bare system calls.

Every figure is of a small C program: tools/floors has floors and peers, bench/memory has ours, which are linked with the
installed libraries as any program of a user is. Programs that are compared run in turn, on the same CPU, several times; of
the rounds the least counts, because noise only ever adds. `noise` is how far the middle round was above the least.
"""
import json
import os
import statistics
import subprocess
from collections import namedtuple
from pathlib import Path

import report

SUITE = "memory"
HERE = Path(__file__).resolve().parent
FLOORS = HERE.parent / "tools" / "floors"
OURS = HERE / "memory"

# program: what pkg-config is asked for
PACKAGES = {
    "sodium": "libsodium", "openssl_heap": "libcrypto", "sealed": "libcrypto",
    "pool": "holdfast-mem", "secret": "holdfast-mem", "buffer": "holdfast-mem", "scope": "holdfast-mem", "sealed_slot": "holdfast",
}
CFLAGS = ("-O2", "-g", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-function")

MAPS_EACH = 1 / 1000  # none for an object; a region of thousands of them has a few
SMALL_LIMIT = "lock_limit=8388608"  # the usual RLIMIT_MEMLOCK of an ordinary user

# name, our command, reference, its command, target: ns an operation, both measured in the same rounds
SPEED = (
    ("alloc+free 32 B", "pool speed bytes=32", "ideal slab", "slab speed bytes=32", 1 / 1.5),
    ("alloc+free 32 B, no division", "pool speed bytes=32", "ideal slab, fixed size", "slab_fixed speed bytes=32", None),
    ("alloc+free 32 B beside OpenSSL", "pool speed bytes=32", "OpenSSL secure heap", "openssl_heap speed bytes=32", 14),
    ("alloc+free 32 B beside libsodium", "pool speed bytes=32", "libsodium", "sodium speed bytes=32", 800),
    ("alloc+free 32 B beside malloc", "pool speed bytes=32", "malloc, wipe, free", "malloc speed bytes=32", None),
    ("alloc+free 32 B, 2 threads", "pool speed bytes=32 threads=2", "ideal slab, 2 threads", "slab speed bytes=32 threads=2", 1 / 3),
    ("bursts of 64, 32 B", "pool speed bytes=32 burst=64", "ideal slab", "slab speed bytes=32 burst=64", None),
    ("bursts of 64 beside OpenSSL", "pool speed bytes=32 burst=64", "OpenSSL secure heap", "openssl_heap speed bytes=32 burst=64", None),
    ("alloc+free 4 KiB", "pool speed bytes=4096", "ideal slab", "slab speed bytes=4096", None),
    ("alloc+free 4 KiB, 2 threads", "pool speed bytes=4096 threads=2", "ideal slab, 2 threads", "slab speed bytes=4096 threads=2", None),
    ("hf_secret 32 B", "secret speed bytes=32", "ideal slab", "slab speed bytes=32", None),
    ("guarded, reuse beside libsodium", "buffer speed bytes=32 memfd_secret=0", "libsodium", "sodium speed bytes=32", None),
    ("guarded, first use, mlock", "buffer first bytes=32 memfd_secret=0", "guard + locked page", "guard first memfd_secret=0", None),
    ("guarded, first use beside libsodium", "buffer first bytes=32", "libsodium", "sodium first bytes=32", None),
    ("scope over no access, mlock", "scope pair memfd_secret=0", "two mprotect calls", "mprotect pair memfd_secret=0", 1 / 1.1),
    ("scope over no access, memfd_secret", "scope pair", "two mprotect calls", "mprotect pair", 1 / 1.1),
    ("scope to write, mlock", "scope pair memfd_secret=0 write=1", "two mprotect calls", "mprotect pair memfd_secret=0 write=1", None),
    ("scope inside a scope", "scope nested", "two mprotect calls", "mprotect pair", None),
    ("seal+open 32 B", "sealed_slot speed bytes=32", "EVP re-keyed + SHA-256", "sealed speed bytes=32", 1 / 1.3),
    ("seal+open 256 B", "sealed_slot speed bytes=256", "EVP re-keyed + SHA-256", "sealed speed bytes=256", None),
    ("seal+open 4 KiB", "sealed_slot speed bytes=4096", "EVP re-keyed + SHA-256", "sealed speed bytes=4096", None),
)

# name, our command, the most that an operation may take: a target in ns that no floor gives
LIMITS_NS = (
    ("guarded, reuse, mlock", "buffer speed bytes=32 memfd_secret=0", 60),
    ("guarded, reuse, memfd_secret", "buffer speed bytes=32", 60),
    ("guarded, first use, mlock (limit)", "buffer first bytes=32 memfd_secret=0", 4000),
)

# What is counted: name, command, field of its answer, unit, reference, its value or the command that gives it, target
COUNTS = (
    ("locked, live 32 B, 10,000", "pool live count=10000", "locked", "bytes", "the limit", 64, 1),
    ("locked, live 32 B, 100,000", "pool live count=100000", "locked", "bytes", "the limit", 64, 1),
    ("locked, live 32 B beside the slab", "pool live count=100000", "locked", "bytes", "ideal slab", "slab live count=100000", None),
    ("locked, live 32 B beside OpenSSL", "pool live count=10000", "locked", "bytes", "OpenSSL secure heap", "openssl_heap live count=10000", None),
    ("locked, live 32 B beside libsodium", "pool live count=10000", "locked", "bytes", "libsodium", "sodium live count=10000", None),
    ("resident, live 32 B beside libsodium", "pool live count=10000", "resident", "bytes", "libsodium", "sodium live count=10000", None),
    ("resident, live 32 B beside the slab", "pool live count=100000", "resident", "bytes", "ideal slab", "slab live count=100000", None),
    ("locked, live 4 KiB beside the slab", "pool live count=2000 bytes=4096", "locked", "bytes", "ideal slab", "slab live count=2000 bytes=4096", None),
    ("live 32 B under 8 MiB", f"pool live count=100000 {SMALL_LIMIT}", "count", "objects", "the limit", 100_000, 1),
    ("live guarded, mlock", "buffer live count=50000 memfd_secret=0", "count", "objects", "the limit", 50_000, 1),
    ("live guarded beside libsodium", "buffer live count=50000 memfd_secret=0", "count", "objects", "libsodium", "sodium live count=50000", None),
    ("extra maps an object, mlock", "buffer live count=50000 memfd_secret=0", "maps_each", "maps", "the limit", MAPS_EACH, 1),
    ("extra maps an object beside libsodium", "buffer live count=10000 memfd_secret=0", "maps_each", "maps", "libsodium", "sodium live count=10000", None),
    ("live guarded, memfd_secret", "buffer live count=30000", "count", "objects", "the limit", 30_000, 1),
    ("page faults of 1,000,000, 32 B", "pool faults bytes=32", "faults", "faults", "the limit", 0, 1),
    ("page faults of 1,000,000, 4 KiB", "pool faults bytes=4096", "faults", "faults", "the limit", 0, 1),
    ("page faults of 1,000,000, guarded", "buffer faults bytes=32", "faults", "faults", "the limit", 0, 1),
    ("unlocked at 8 MiB, pool", f"pool live count=10000 bytes=4096 {SMALL_LIMIT}", "unlocked", "% unlocked", "the limit", 0, 1),
    ("unlocked at 8 MiB, guarded", f"buffer live count=10000 {SMALL_LIMIT}", "unlocked", "% unlocked", "the limit", 0, 1),
    ("unlocked at 8 MiB, guarded, mlock", f"buffer live count=10000 memfd_secret=0 {SMALL_LIMIT}", "unlocked", "% unlocked", "the limit", 0, 1),
    ("unlocked at 8 MiB, libsodium", f"sodium live count=10000 {SMALL_LIMIT}", "unlocked", "% unlocked", None, None, None),
)

# least: of the rounds; noise: how far the middle round was above it, a share
Figure = namedtuple("Figure", "least noise fault", defaults=(None,))


def compile_programs(context):
    """{program: its path}, built as a user's programs are; ours find the libraries of the stage."""
    environment = {**os.environ, "PKG_CONFIG_PATH": str(context.stage / "lib" / "pkgconfig")}
    built = {}
    for source in sorted([*FLOORS.glob("*.c"), *OURS.glob("*.c")]):
        target = context.scratch / source.stem
        package = PACKAGES.get(source.stem)
        flags = [] if package is None else subprocess.run(
            ["pkg-config", "--cflags", "--libs", package], env=environment, check=True, capture_output=True, text=True).stdout.split()
        run_path = f"-Wl,-rpath,{context.stage / 'lib'}"
        subprocess.run(["cc", *CFLAGS, "-I", FLOORS, source, "-o", target, "-pthread", *flags, run_path], check=True)
        built[source.stem] = target
    return built


def answer(built, command):
    """The JSON line that a program prints; a program that fails says why in `fault`."""
    program, *words = command.split()
    done = subprocess.run([built[program], *words], capture_output=True, text=True, check=False)
    return parse_answer(done.returncode, done.stdout, done.stderr)


def parse_answer(code, out, err):
    if code != 0 or not out.strip():
        return {"fault": (err.strip() or f"it gave nothing and ended with {code}").replace("\n", "; ")}
    found = json.loads(out.splitlines()[-1])
    if "locked_objects" in found:
        found["unlocked"] = 100.0 * (1 - found["locked_objects"] / found["count"])
        found["maps_each"] = found["maps"] / found["count"]
    return found


def in_turn(rounds, commands, ask):
    """{command: Figure} of ns an operation; ask(command) runs it once."""
    times = {command: [] for command in commands}
    faults = {}
    for _ in range(rounds):
        for command in [c for c in commands if c not in faults]:
            found = ask(command)
            if "fault" in found:
                faults[command] = f"{command}: {found['fault']}"
            else:
                times[command].append(found["ns"])
    return {c: Figure(None, None, faults[c]) if c in faults else figure(times[c]) for c in commands}


def figure(times):
    least = min(times)
    return Figure(least, statistics.median(times) / least - 1)


def unique(commands):
    return list(dict.fromkeys(commands))


def speed_row(name, ours, reference, peer, target):
    noise = None if ours.fault or peer.fault else max(ours.noise, peer.noise)
    return report.row(SUITE, name, ours.least, "ns", reference, peer.least, target, void=ours.fault or peer.fault, noise=noise)


def speed_rows(rounds, ask):
    found = in_turn(rounds, unique([c for _, ours, _, peer, _ in SPEED for c in (ours, peer)] + [ours for _, ours, _ in LIMITS_NS]), ask)
    rows = [speed_row(name, found[ours], reference, found[peer], target) for name, ours, reference, peer, target in SPEED]
    return rows + [speed_row(name, found[ours], "the limit", Figure(limit, 0), 1) for name, ours, limit in LIMITS_NS]


def count_rows(ask):
    answers = {}

    def once(command):
        return answers[command] if command in answers else answers.setdefault(command, ask(command))

    def row(name, command, field, unit, reference, value, target):
        found, peer = once(command), once(value) if isinstance(value, str) else {field: value}
        fault = next((f"{c}: {a['fault']}" for c, a in ((command, found), (value, peer)) if "fault" in a), None)
        return report.row(SUITE, name, found.get(field), unit, reference, peer.get(field), target, void=fault)

    return [row(*what) for what in COUNTS]


def measure(context):
    built = compile_programs(context)

    def ask(command):
        return answer(built, command)

    return speed_rows(max(3, round(2 * context.seconds)), ask) + count_rows(ask)
