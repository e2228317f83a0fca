"""Loads on a Holdfast and its peers, with what they cost and whether the audit has every operation."""
import base64
import json
import statistics
import time

import peers

JSON = {"Content-Type": "application/json"}
PAYLOAD = base64.b64encode(b"a payload of thirty-two octets..").decode()
SIGN_BODY = json.dumps({"payload_b64": PAYLOAD})
SIGN_ANSWER_BYTES = 160
IDLE_GAP_S = 0.5  # the machine throttles: bursts with idle gaps


def measured(server, call):
    """Runs a load; gives it with the CPU microseconds a request of each process."""
    before = server.cpu()
    load = call()
    after = server.cpu()
    per_request = {name: 1e6 * (after[name] - before.get(name, 0)) / max(load.requests, 1) for name in after}
    time.sleep(IDLE_GAP_S)
    return load, per_request


def operate(h, path, body, connections, seconds, folder):
    """POSTs of one operation as the administrator."""
    headers = {"Authorization": f"Bearer {h.token()}", **JSON}
    return peers.wrk(f"{h.url}/api/v1/keys/{path}", connections, seconds, folder, "POST", headers, body)


def audit_fault(h, first, load, connections):
    """Each answered operation has its record; wrk leaves up to one request a connection uncounted when it stops."""
    time.sleep(0.2)
    mark, _ = h.audit_mark()
    recorded = mark - first
    if load.requests <= recorded <= load.requests + connections:
        return None
    return f"{load.requests} answers, but {recorded} audit records"


def audited(h, path, body, connections, seconds, folder):
    """One burst of an operation: (load, CPU by process, fault or None)."""
    _, first = h.audit_mark()
    load, cpu = measured(h, lambda: operate(h, path, body, connections, seconds, folder))
    return load, cpu, load.faults or audit_fault(h, first, load, connections)


def middle(values):
    return statistics.median(values)


def middle_cpu(costs):
    """Medians by process name."""
    return {name: middle([c.get(name, 0) for c in costs]) for name in costs[0]}
