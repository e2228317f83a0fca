"""Signing, local answers and handshakes over TLS 1.3, beside nginx with a fixed answer and `openssl speed`.

The targets are ratios at 32 connections. For signing the reference is what a core without any other work would give: each
request once through nginx and once through `openssl speed ecdsap256`, one process, 1/(1/nginx + 1/sign). The three are
measured in turns, burst by burst, and the medians compared.
"""
import hsm
import load
import peers
import report

SUITE = "tls"
SHAPES = ((1, 1), (2, 2))  # gateway threads + core lanes; nginx gets as many workers as the gateway has threads
TARGET_CONNECTIONS = 32
OTHER_CONNECTIONS = (1, 256)
ROUNDS = 3
SIGN_TARGET = {(1, 1): 0.75, (2, 2): 0.90}
LOCAL_TARGET = 0.85


def cpu_rows(cpu, peer_cpu, label, void):
    return [report.row(SUITE, f"CPU of {name}, {label}", used, "us CPU/op", "nginx", peer_cpu["nginx"], void=void)
            for name, used in sorted(cpu.items()) if used >= 0.05]


def fixed_answer(nginx, context, connections, seconds):
    return load.measured(nginx, lambda: peers.wrk(nginx.url, connections, seconds, context.scratch, "POST", load.JSON, load.SIGN_BODY))


def sign_against_ceiling(context, h, nginx, shape):
    """The rows with targets: bursts of ourselves, nginx and openssl in turns."""
    label, seconds = f"{TARGET_CONNECTIONS} connections, {shape[0]}+{shape[1]}", context.seconds / 2
    ours, theirs, signing, costs, peer_costs, voids = [], [], [], [], [], []
    for _ in range(ROUNDS):
        run, cpu, void = load.audited(h, "bench/sign", load.SIGN_BODY, TARGET_CONNECTIONS, seconds, context.scratch)
        peer, peer_cpu = fixed_answer(nginx, context, TARGET_CONNECTIONS, seconds)
        ours.append(run), costs.append(cpu), voids.append(void), theirs.append(peer.rate), peer_costs.append(peer_cpu)
        signing.append(peers.openssl_sign_rate(seconds / 2))
    rate, nginx_rate, sign_rate = load.middle([r.rate for r in ours]), load.middle(theirs), load.middle(signing)
    void = "; ".join(v for v in voids if v) or None
    return [
        report.row(SUITE, f"sign, {label}", rate, "op/s", "1/(1/nginx + 1/openssl speed)", 1 / (1 / nginx_rate + 1 / sign_rate),
                   SIGN_TARGET[shape], void),
        report.row(SUITE, f"sign, {label}, against a fixed answer", rate, "op/s", f"nginx, {shape[0]} workers", nginx_rate, void=void),
        report.row(SUITE, f"sign, {label}, against signing alone", rate, "op/s", "openssl speed, one core", sign_rate, void=void),
        report.row(SUITE, f"sign, {label}, p99", load.middle([r.p99_ms for r in ours]), "ms", void=void),
    ] + cpu_rows(load.middle_cpu(costs), load.middle_cpu(peer_costs), label, void)


def sign_at(context, h, nginx, shape, connections):
    label = f"{connections} connections, {shape[0]}+{shape[1]}"
    run, _, void = load.audited(h, "bench/sign", load.SIGN_BODY, connections, context.seconds / 2, context.scratch)
    peer, _ = fixed_answer(nginx, context, connections, context.seconds / 2)
    return [
        report.row(SUITE, f"sign, {label}, against a fixed answer", run.rate, "op/s", f"nginx, {shape[0]} workers", peer.rate, void=void),
        report.row(SUITE, f"sign, {label}, p99", run.p99_ms, "ms", "nginx", peer.p99_ms, void=void),
    ]


def local_answers(context, h, nginx, shape):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        run, _ = load.measured(h, lambda: peers.wrk(f"{h.url}/healthz", TARGET_CONNECTIONS, context.seconds / 2, context.scratch))
        peer, _ = load.measured(nginx, lambda: peers.wrk(nginx.url, TARGET_CONNECTIONS, context.seconds / 2, context.scratch))
        ours.append(run), theirs.append(peer.rate)
    void = "; ".join(r.faults for r in ours if r.faults) or None
    return [report.row(SUITE, f"local answer, {TARGET_CONNECTIONS} connections, {shape[0]}+{shape[1]}", load.middle([r.rate for r in ours]), "op/s",
                       f"nginx, {shape[0]} workers", load.middle(theirs), LOCAL_TARGET, void)]


def measure_shape(context, shape):
    with hsm.Hsm(context, *shape) as h, peers.Nginx(context, shape[0], load.SIGN_ANSWER_BYTES) as nginx:
        h.request("POST", "/api/v1/keys", {"name": "bench", "algorithm": "ec-p256"})
        rows = sign_against_ceiling(context, h, nginx, shape)
        for connections in OTHER_CONNECTIONS:
            rows += sign_at(context, h, nginx, shape, connections)
        return rows + local_answers(context, h, nginx, shape)


def measure(context):
    return [row for shape in SHAPES for row in measure_shape(context, shape)]
