"""What a new TLS connection costs, and what an idle one holds, beside nginx.

New: each connection is a full handshake (no resumption on either side), one request, and its end. Idle: 10,000 connections
that each made one request; the growth of the resident set of all processes that serve them, divided by their number.
"""
import subprocess
import sys
import time
from pathlib import Path

import hsm
import load
import peers
import report

SUITE = "connections"
CLIENTS = 4
ROUNDS = 3
NEW_TARGET = 1 / 1.1  # at most 1.1 times the CPU of nginx
IDLE = 10000
IDLE_LIMIT_KB = 25
CLOSE = {"Connection": "close"}
SETTINGS = {("gateway", "max_connections"): "16384", ("gateway", "idle_ms"): "600000"}


def new_connections(context, h, nginx):
    ours, theirs, costs, peer_costs = [], [], [], []
    for _ in range(ROUNDS):
        run, cpu = load.measured(h, lambda: peers.wrk(f"{h.url}/healthz", CLIENTS, context.seconds / 2, context.scratch, headers=CLOSE))
        peer, peer_cpu = load.measured(nginx, lambda: peers.wrk(nginx.url, CLIENTS, context.seconds / 2, context.scratch, headers=CLOSE))
        ours.append(run), costs.append(sum(cpu.values())), theirs.append(peer), peer_costs.append(sum(peer_cpu.values()))
    void = "; ".join(r.faults for r in ours if r.faults) or None
    return [
        report.row(SUITE, "new connection with one request, CPU of all processes", load.middle(costs), "us CPU/op", "nginx", load.middle(peer_costs),
                   NEW_TARGET, void),
        report.row(SUITE, f"new connections, {CLIENTS} clients", load.middle([r.rate for r in ours]), "1/s", "nginx",
                   load.middle([r.rate for r in theirs]), void=void),
        report.row(SUITE, f"new connections, {CLIENTS} clients, p99", load.middle([r.p99_ms for r in ours]), "ms", "nginx",
                   load.middle([r.p99_ms for r in theirs]), void=void),
    ]


def resident_kb(pids):
    total = 0
    for pid in pids:
        total += int(next(line.split()[1] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Rss:")))
    return total


def idle_kb(url, pids):
    """Kilobytes of resident memory for each of IDLE connections, or the reason why there is no figure."""
    before = resident_kb(pids)
    client = subprocess.Popen([sys.executable, "-B", Path(__file__).with_name("idle_clients.py"), url, str(IDLE)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = client.stdout.readline().strip()
        time.sleep(0.5)
        after = resident_kb(pids)
    finally:
        _, trouble = client.communicate()
    if said != f"open {IDLE}":
        return None, f"the clients opened no {IDLE} connections: {said or trouble.strip()[-300:]}"
    return (after - before) / IDLE, None


def idle_connections(h, nginx):
    peer, why = idle_kb(nginx.url, nginx.pids())
    ours, void = idle_kb(h.url, h.pids())
    return [
        report.row(SUITE, f"{IDLE:,} idle connections, resident memory of each", ours, "kB", "the limit", IDLE_LIMIT_KB, 1, void),
        report.row(SUITE, f"{IDLE:,} idle connections, beside nginx", ours, "kB", "nginx", peer, void=void or why),
    ]


def measure(context):
    with hsm.Hsm(context, 1, 1, SETTINGS) as h, peers.Nginx(context, 1, load.SIGN_ANSWER_BYTES) as nginx:
        return new_connections(context, h, nginx) + idle_connections(h, nginx)
