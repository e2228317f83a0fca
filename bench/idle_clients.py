#!/usr/bin/python3
"""Opens TLS connections, makes one request on each, says `open N` and holds them until its input ends.

    idle_clients.py URL COUNT
"""
import multiprocessing
import os
import resource
import socket
import ssl
import sys
from urllib.parse import urlsplit

PROCESSES = 2


def open_one(context, host, port):
    raw = socket.create_connection((host, port), 10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = context.wrap_socket(raw, server_hostname="localhost")
    tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = tls.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"not 200: {answer[:60]!r}")
    return tls


def hold(host, port, count, opened, release):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the server is our own, on this machine
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connections = []
    try:
        for _ in range(count):
            connections.append(open_one(context, host, port))
        opened.put(len(connections))
    except (OSError, RuntimeError) as error:
        opened.put(f"after {len(connections)} connections: {error}")
    release.wait()
    os._exit(0)  # without 10,000 farewells


def main():
    url, count = urlsplit(sys.argv[1]), int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    opened, release = multiprocessing.Queue(), multiprocessing.Event()
    workers = [multiprocessing.Process(target=hold, args=(url.hostname, url.port, count // PROCESSES, opened, release)) for _ in range(PROCESSES)]
    for w in workers:
        w.start()
    answers = [opened.get() for _ in workers]
    wrong = [a for a in answers if isinstance(a, str)]
    print(wrong[0] if wrong else f"open {sum(answers)}", flush=True)
    sys.stdin.read()
    release.set()
    for w in workers:
        w.join()


if __name__ == "__main__":
    main()
