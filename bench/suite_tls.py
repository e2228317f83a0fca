"""Signing, local answers and handshakes over TLS 1.3, beside nginx with a fixed answer and `openssl speed`."""
import base64
import json
import time

import hsm
import peers
import report

SUITE = "tls"
CONNECTIONS = (1, 32, 256)
SHAPES = ((1, 1), (2, 2))  # gateway threads + core lanes; nginx gets as many workers as the gateway has threads
JSON = {"Content-Type": "application/json"}
BODY = json.dumps({"payload_b64": base64.b64encode(b"a payload of thirty-two octets..").decode()})
SIGN_ANSWER_BYTES = 160


def measured(server, call):
    """Runs a load; gives it with the CPU microseconds a request of each process."""
    before = server.cpu()
    load = call()
    after = server.cpu()
    per_request = {name: 1e6 * (after[name] - before.get(name, 0)) / max(load.requests, 1) for name in after}
    time.sleep(0.5)  # the machine throttles: bursts with idle gaps
    return load, per_request


def sign_load(h, connections, seconds, folder, key):
    headers = {"Authorization": f"Bearer {h.token()}", **JSON}
    return peers.wrk(f"{h.url}/api/v1/keys/{key}/sign", connections, seconds, folder, "POST", headers, BODY)


def audit_fault(h, first, load, connections):
    """Each answered operation has its record; wrk leaves up to one request a connection uncounted when it stops."""
    time.sleep(0.2)
    mark, _ = h.audit_mark()
    recorded = mark - first
    if load.requests <= recorded <= load.requests + connections:
        return None
    return f"{load.requests} answers, but {recorded} audit records"


def measure_shape(context, threads, lanes, openssl_rate):
    rows, shape = [], f"{threads}+{lanes}"
    with hsm.Hsm(context, threads, lanes) as h, peers.Nginx(context, threads, SIGN_ANSWER_BYTES) as nginx:
        h.request("POST", "/api/v1/keys", {"name": "bench", "algorithm": "ec-p256"})
        for c in CONNECTIONS:
            _, first = h.audit_mark()
            load, cpu = measured(h, lambda: sign_load(h, c, context.seconds, context.scratch, "bench"))
            void = load.faults or audit_fault(h, first, load, c)
            peer, peer_cpu = measured(nginx, lambda: peers.wrk(nginx.url, c, context.seconds, context.scratch, "POST", JSON, BODY))
            rows.append(report.row(SUITE, f"sign, {c} connections, {shape}", load.rate, "op/s", f"nginx, fixed answer, {threads} workers", peer.rate, void=void))
            rows.append(report.row(SUITE, f"sign, {c} connections, {shape}, p99", load.p99_ms, "ms", "nginx", peer.p99_ms, void=void))
            rows += [report.row(SUITE, f"CPU of {name}, {c} connections, {shape}", used, "us CPU/op", "nginx", peer_cpu["nginx"], void=void)
                     for name, used in sorted(cpu.items()) if used >= 0.05]
            if c == 32:
                rows.append(report.row(SUITE, f"sign, {c} connections, {shape}, against signing alone", load.rate, "op/s", "openssl speed, one core", openssl_rate, void=void))
        load, _ = measured(h, lambda: peers.wrk(f"{h.url}/healthz", 32, context.seconds, context.scratch))
        peer, _ = measured(nginx, lambda: peers.wrk(nginx.url, 32, context.seconds, context.scratch))
        rows.append(report.row(SUITE, f"local answer, 32 connections, {shape}", load.rate, "op/s", "nginx", peer.rate, void=load.faults))
        rows.append(report.row(SUITE, f"full handshakes, one client, {shape}", peers.handshakes(h.port, context.seconds), "1/s", "nginx",
                               peers.handshakes(nginx.port, context.seconds)))
    return rows


def measure(context):
    openssl_rate = peers.openssl_sign_rate(context.seconds)
    return [row for threads, lanes in SHAPES for row in measure_shape(context, threads, lanes, openssl_rate)]
