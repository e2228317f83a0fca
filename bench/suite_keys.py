"""An HSM with 100,000 keys: how long it takes to start, how long a page of the list takes, what a key holds in memory.

The keys are put into the stopped store by seed_keys.py; each has material of its own row, wrapped as core does it.
"""
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import hsm
import load
import report

SUITE = "keys"
KEYS = 100_000
START_LIMIT_S, PAGE_LIMIT_MS, KEY_LIMIT_BYTES = 3, 5, 512
PAGES = 30
LISTS = (
    ("first page", ""),
    ("page 500", "?page=500"),
    ("by algorithm", "?algorithm=ed25519"),
    ("by state", "?state=active"),
    ("by tag", "?tags=team-3"),
    ("by text", "?q=key-0999"),
    ("by text that no key has", "?q=nothing"),
)


def fill(h):
    subprocess.run([sys.executable, "-B", Path(__file__).with_name("seed_keys.py"), h.data, str(KEYS)], check=True,
                   env={**os.environ, "HOLDFAST_STAGE": str(h.stage)})


def resident(h):
    """Bytes of core's ordinary memory; the arena and the audit ring are not a key's."""
    status = Path(f"/proc/{h.pid_of('core')}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


def page_ms(h, query):
    """The median over one kept connection, or the reason why there is none."""
    connection = http.client.HTTPSConnection("127.0.0.1", h.port, context=h.tls, timeout=10)
    headers, took = {"Authorization": f"Bearer {h.token()}"}, []
    for _ in range(PAGES):
        began = time.perf_counter()
        connection.request("GET", f"/api/v1/keys{query}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        took.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            return None, f"status {answer.status}"
    connection.close()
    return load.middle(took), None


def measure(context):
    with hsm.Hsm(context, 1, 1) as h:
        empty = resident(h)
        h.stop()
        empty_start = h.start()
        h.stop()
        fill(h)
        start = h.start()
        total = h.request("GET", "/api/v1/keys")["total"]
        growth = (resident(h) - empty) / KEYS
        void = None if total == KEYS else f"the list has {total} keys"
        rows = [
            report.row(SUITE, f"start with {KEYS:,} keys", start, "s", "the limit", START_LIMIT_S, 1, void),
            report.row(SUITE, f"start with {KEYS:,} keys, beside an empty store", start, "s", "no keys", empty_start, void=void),
            report.row(SUITE, "resident growth of core by a key", growth, "bytes", "the limit", KEY_LIMIT_BYTES, 1, void),
        ]
        for name, query in LISTS:
            took, wrong = page_ms(h, query)
            rows.append(report.row(SUITE, f"list of {KEYS:,}, {name}", took, "ms", "the limit", PAGE_LIMIT_MS, 1, void or wrong))
        return rows
