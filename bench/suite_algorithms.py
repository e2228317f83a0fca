"""Every algorithm through the REST API at 32 connections, beside `openssl speed` of that algorithm on one core."""
import base64
import json

import hsm
import load
import peers
import report

SUITE = "algorithms"
CONNECTIONS = 32
PAYLOAD = {"payload_b64": load.PAYLOAD}
PLAINTEXT = {"plaintext_b64": base64.b64encode(bytes(64)).decode()}

# name of the row, algorithm of the key, path, body, what openssl speed is asked for
ROWS = (
    ("sign ec-p256", "ec-p256", "sign", PAYLOAD, ("sign", "ecdsap256")),
    ("sign ec-p384", "ec-p384", "sign", PAYLOAD, ("sign", "ecdsap384")),
    ("sign ed25519", "ed25519", "sign", PAYLOAD, ("sign", "ed25519")),
    ("sign rsa-2048, PSS", "rsa-2048", "sign", PAYLOAD, ("sign", "rsa2048")),
    ("sign rsa-3072, PKCS #1", "rsa-3072", "sign", {**PAYLOAD, "scheme": "rsa-pkcs1"}, ("sign", "rsa3072")),
    ("sign ml-dsa-65", "ml-dsa-65", "sign", PAYLOAD, ("sign", "ML-DSA-65")),
    ("encapsulate ml-kem-768", "ml-kem-768", "encapsulate", {}, ("encaps", "ML-KEM-768")),
    ("encrypt aes-256-gcm, 64 bytes", "aes-256-gcm", "encrypt", PLAINTEXT, ("bytes", "-evp", "aes-256-gcm")),
    ("mac hmac-sha256, 32 bytes", "hmac-sha256", "mac", PAYLOAD, ("bytes", "-hmac", "sha256")),
)


def measure_row(context, h, row):
    name, algorithm, verb, body, speed = row
    path = f"bench-{algorithm}/{verb}"
    h.request("POST", "/api/v1/keys", {"name": f"bench-{algorithm}", "algorithm": algorithm})
    reference = peers.openssl_speed(*speed)
    run, cpu, void = load.audited(h, path, json.dumps(body), CONNECTIONS, context.seconds / 2, context.scratch)
    return [
        report.row(SUITE, name, run.rate, "op/s", "openssl speed, one core", reference, void=void),
        report.row(SUITE, f"{name}, CPU of core", cpu["core"], "us CPU/op", "openssl speed", 1e6 / reference, void=void),
    ]


def measure(context):
    with hsm.Hsm(context, 2, 2) as h:
        return [r for row in ROWS for r in measure_row(context, h, row)]
