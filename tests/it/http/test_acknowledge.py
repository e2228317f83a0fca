"""The end of a TLS handshake is acknowledged at once, or the first request of a client with Nagle's algorithm waits for 40 ms."""
import re
import socket
import time

import probe

WITHIN_S = 20  # how long a missing call is waited for: no measure of anything


def wait_for_count(trace, pattern, count):
    deadline = time.monotonic() + WITHIN_S
    while len(found := re.findall(pattern, trace.read_text())) < count:
        assert time.monotonic() < deadline, f"{pattern}: {len(found)} of {count} in\n{trace.read_text()}"
        time.sleep(0.01)
    return found


def test_the_end_of_each_handshake_is_acknowledged_at_once(tmp_path):
    """The kernel is asked for it before the client has sent anything else: what the client then holds back may go."""
    trace = tmp_path / "trace"
    server = probe.Server(str(tmp_path), under=["strace", "-D", "-f", "-e", "trace=accept4,setsockopt", "-o", trace])
    for count in (1, 2, 3):
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN_S)
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0  # Nagle's algorithm is on
        with probe.context(server.cert).wrap_socket(raw) as client:
            accepted = wait_for_count(trace, r"accept4\(.*= (\d+)\n", count)
            asked = wait_for_count(trace, r"setsockopt\((\d+), SOL_TCP, TCP_QUICKACK, \[1\], 4\) += 0\n", count)
            assert asked[-1] == accepted[-1]
            # Two small writes: the second is what Nagle's algorithm holds until the first is acknowledged.
            client.sendall(b"GET /fixed HTTP/1.1\r\n")
            client.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
            assert probe.read_answer(client)[0].status == 200
    assert server.stop() == 0
