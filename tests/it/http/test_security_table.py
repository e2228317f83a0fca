"""Malformed, ambiguous, slow and hostile requests: what the HTTP front does with each."""
import socket
import ssl
import struct
import subprocess
import time

import probe
import pytest

HOST = b"Host: localhost\r\n"


def post(headers, body=b"", line=b"POST /x HTTP/1.1\r\n", host=HOST):
    return line + host + headers + b"\r\n" + body


BODY = b"x" * 57
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"39\r\n" + BODY + b"\r\n0\r\n\r\n"

# name: (bytes, statuses that count as refusal)
REFUSED = {
    "length and coding": (post(b"Content-Length: 57\r\n" + CHUNKED, CHUNKS), {400}),
    "coding and length": (post(CHUNKED + b"Content-Length: 57\r\n", CHUNKS), {400}),
    "two equal lengths": (post(b"Content-Length: 57\r\nContent-Length: 57\r\n", BODY), {400}),
    "two differing lengths": (post(b"Content-Length: 57\r\nContent-Length: 1\r\n", BODY), {400}),
    "length list": (post(b"Content-Length: 57, 57\r\n", BODY), {400}),
    "two codings": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CHUNKS), {400}),
    "two chunked codings": (post(CHUNKED + CHUNKED, CHUNKS), {400}),
    "coding list": (post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS), {400}),
    "unknown coding": (post(b"Transfer-Encoding: xchunked\r\n", CHUNKS), {400}),
    "space before colon": (post(b"Transfer-Encoding : chunked\r\n", CHUNKS), {400}),
    "vertical tab before chunked": (post(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS), {400}),
    "length with plus": (post(b"Content-Length: +57\r\n", BODY), {400}),
    "length with letters": (post(b"Content-Length: 57abc\r\n", BODY), {400}),
    "length negative": (post(b"Content-Length: -1\r\n", BODY), {400}),
    "length empty": (post(b"Content-Length:\r\n", BODY), {400}),
    "length too big for 64 bits": (post(b"Content-Length: 18446744073709551617\r\n", BODY), {400, 413}),
    "chunk size 0x39": (post(CHUNKED, b"0x39\r\n" + BODY + b"\r\n0\r\n\r\n"), {400}),
    "chunk size with space": (post(CHUNKED, b"39 \r\n" + BODY + b"\r\n0\r\n\r\n"), {400}),
    "chunk size too big": (post(CHUNKED, b"fffffffffffffffff\r\n"), {400, 413}),
    "chunk with bare LF": (post(CHUNKED, b"39\n" + BODY + b"\n0\n\n"), {400}),
    "chunk extension": (post(CHUNKED, b"39;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"), {400}),
    "chunk extension of 1 MiB": (post(CHUNKED, b"39;" + b"a" * (1 << 20) + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), {400}),
    "chunk data too long": (post(CHUNKED, b"2\r\nabcd\r\n0\r\n\r\n"), {400}),
    "NUL in value": (post(b"X-A: a\x00b\r\n"), {400}),
    "NUL in name": (post(b"X\x00A: a\r\n"), {400}),
    "NUL in target": (post(b"", line=b"GET /a\x00b HTTP/1.1\r\n"), {400}),
    "obs-fold": (post(b"X-A: a\r\n b\r\n"), {400}),
    "LF-only lines": (b"GET /x HTTP/1.1\nHost: localhost\n\n", {400}),
    "LF in headers": (b"GET /x HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", {400}),
    "CR alone": (b"GET /x HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", {400}),
    "header without colon": (post(b"nonsense\r\n"), {400}),
    "header with empty name": (post(b": x\r\n"), {400}),
    "no Host": (post(b"", host=b""), {400}),
    "empty Host": (post(b"", host=b"Host:\r\n"), {400}),
    "two Hosts": (post(b"", host=HOST + HOST), {400}),
    "two different Hosts": (post(b"", host=HOST + b"Host: other\r\n"), {400}),
    "Host with slash": (post(b"", host=b"Host: a/b\r\n"), {400}),
    "Host with user": (post(b"", host=b"Host: a@b\r\n"), {400}),
    "absolute form": (post(b"", line=b"GET http://localhost/x HTTP/1.1\r\n"), {400}),
    "authority form": (post(b"", line=b"CONNECT localhost:1 HTTP/1.1\r\n"), {400}),
    "asterisk form": (post(b"", line=b"OPTIONS * HTTP/1.1\r\n"), {400}),
    "%00 in path": (post(b"", line=b"GET /a%00b HTTP/1.1\r\n"), {400}),
    "%0a in path": (post(b"", line=b"GET /a%0ab HTTP/1.1\r\n"), {400}),
    "bad escape in path": (post(b"", line=b"GET /a%zz HTTP/1.1\r\n"), {400}),
    "cut escape in path": (post(b"", line=b"GET /a%4 HTTP/1.1\r\n"), {400}),
    "high byte in path": (post(b"", line=b"GET /\xff HTTP/1.1\r\n"), {400}),
    "fragment": (post(b"", line=b"GET /a#b HTTP/1.1\r\n"), {400}),
    "space in target": (post(b"", line=b"GET /a b HTTP/1.1\r\n"), {400, 505}),
    "HTTP/1.0": (post(b"", line=b"GET /x HTTP/1.0\r\n"), {400, 505}),
    "HTTP/0.9": (b"GET /x\r\n\r\n", {400, 505}),
    "version-less with LF": (b"GET /x\n\n", {400, 505}),
    "HTTP/2.0": (post(b"", line=b"GET /x HTTP/2.0\r\n"), {400, 505}),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "HTTP/1.10": (post(b"", line=b"GET /x HTTP/1.10\r\n"), {400, 505}),
    "lower-case version": (post(b"", line=b"GET /x http/1.1\r\n"), {400, 505}),
    "unknown method": (post(b"", line=b"G@T /x HTTP/1.1\r\n"), {400}),
    "body on GET": (post(b"Content-Length: 3\r\n", b"abc", line=b"GET /x HTTP/1.1\r\n"), {400}),
    "chunks on GET": (post(CHUNKED, CHUNKS, line=b"GET /x HTTP/1.1\r\n"), {400}),
    "unknown expectation": (post(b"Expect: the-impossible\r\n"), {417}),
    "two expectations": (post(b"Expect: 100-continue\r\nExpect: 100-continue\r\n"), {417}),
    "two tokens": (post(b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), {400}),
    "two request ids": (post(b"X-Request-Id: a\r\nX-Request-Id: b\r\n"), {400}),
    "header of 17 KiB": (post(b"X-A: " + b"a" * 17000 + b"\r\n"), {431}),
    "header of 1 MiB": (post(b"X-A: " + b"a" * (1 << 20) + b"\r\n"), {431}),
    "10,000 headers": (post(b"".join(b"X-%d: a\r\n" % i for i in range(10000))), {431}),
    "target of 20 KiB": (post(b"", line=b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n"), {431}),
    "empty lines without end": (b"\r\n" * 20000, {400, 431}),
    "announced body of 3 MiB": (post(b"Content-Length: 3145728\r\n", b"x" * 100000), {413}),
    "sent body of 3 MiB": (post(b"Content-Length: 3145728\r\n", b"x" * 3145728), {413}),
    "chunked body of 3 MiB": (post(CHUNKED, (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 48 + b"0\r\n\r\n"), {413}),
    "2 MiB in chunks of one byte": (post(CHUNKED, b"1\r\nx\r\n" * (2 << 20) + b"0\r\n\r\n"), {413}),
    "trailers of 1 MiB": (post(CHUNKED, b"0\r\n" + b"X-A: " + b"a" * (1 << 20)), {431}),
    "smuggled request after a bad one": (post(b"Content-Length: +0\r\n", post(b"", line=b"GET /fixed HTTP/1.1\r\n")), {400}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(server, name):
    data, statuses = REFUSED[name]
    with server.connect() as c:
        probe.send_raw(c, data)
        answer, rest = probe.read_answer(c)
        if answer is None:
            assert None in statuses, "closed without an answer"
            return
        assert answer.status in statuses
        assert answer.headers["connection"] == "close"
        # Nothing after a refusal is taken for a request.
        while piece := probe.receive(c):
            rest += piece
        assert rest == b""



@pytest.mark.parametrize("name", [n for n in REFUSED if len(REFUSED[n][0]) < 1000])
def test_refused_when_bytes_come_one_by_one(server, name):
    data, statuses = REFUSED[name]
    with server.connect() as c:
        for i in range(len(data)):
            probe.send_raw(c, data[i : i + 1])
        answer, _ = probe.read_answer(c)
        assert answer is not None and answer.status in statuses


ACCEPTED = {
    "plain": (post(b"", line=b"GET /x?a=b HTTP/1.1\r\n"), 0),
    "length": (post(b"Content-Length: 57\r\n", BODY), 57),
    "length 0": (post(b"Content-Length: 0\r\n"), 0),
    "no length": (post(b""), 0),
    "chunked": (post(CHUNKED, CHUNKS), 57),
    "chunked in parts": (post(CHUNKED, b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), 3),
    "chunked with trailer": (post(CHUNKED, b"1\r\na\r\n0\r\nX-T: v\r\n\r\n"), 1),
    "upper-case Chunked": (post(b"Transfer-Encoding: Chunked\r\n", CHUNKS), 57),
    "empty lines before": (b"\r\n\r\n" + post(b"Content-Length: 57\r\n", BODY), 57),
    "offer to upgrade": (post(b"Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 57\r\n", BODY), 57),
    "white space round value": (post(b"Content-Length: \t 57\r\nX-A: \t a \t \r\n", BODY), 57),
    "body of 2 MiB": (post(b"Content-Length: 2097152\r\n", b"x" * (2 << 20)), 2 << 20),
    "escaped path": (post(b"", line=b"GET /%78 HTTP/1.1\r\n"), 0),
    "IPv6 host": (post(b"", host=b"Host: [::1]:8443\r\n"), 0),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_kept_alive(server, name):
    data, length = ACCEPTED[name]
    with server.connect() as c:
        for _ in range(2):
            c.sendall(data)
            answer, rest = probe.read_answer(c)
            assert answer.status == 200 and rest == b""
            assert b'"body_len":%d,' % length in answer.body
            assert "connection" not in answer.headers
            assert b'"path":"/x"' in answer.body


def test_head_answers_without_body(server):
    with server.connect() as c:
        c.sendall(b"HEAD /fixed HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /fixed HTTP/1.1\r\n" + HOST + b"\r\n")
        answer, rest = probe.read_answer(c, head_only=True)
        assert answer.headers["content-length"] == "200"
        answer, rest = probe.read_answer(c, rest)
        assert answer.body == b"x" * 200 and rest == b""


def test_connection_close_is_kept_to(server):
    with server.connect() as c:
        c.sendall(b"GET /fixed HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n" + b"GET /fixed HTTP/1.1\r\n" + HOST + b"\r\n")
        answer, rest = probe.read_answer(c)
        assert answer.status == 200 and answer.headers["connection"] == "close"
        assert rest == b"" and probe.receive(c) == b""


def test_pipelined_requests_are_answered_in_order(server):
    with server.connect() as c:
        c.sendall(b"".join(post(b"Content-Length: %d\r\n" % i, b"y" * i) for i in range(50)))
        rest = b""
        for i in range(50):
            answer, rest = probe.read_answer(c, rest)
            assert b'"body_len":%d,' % i in answer.body
        assert rest == b""


def test_pipelined_behind_a_late_answer(server):
    late = b"GET /late?ms=200 HTTP/1.1\r\n" + HOST + b"\r\n"
    with server.connect() as c:
        c.sendall(late + b"GET /fixed HTTP/1.1\r\n" + HOST + b"\r\n")
        first, rest = probe.read_answer(c)
        second, rest = probe.read_answer(c, rest)
        assert b"late" in first.body and second.body == b"x" * 200 and rest == b""


def test_length_too_short_ends_the_connection(server):
    with server.connect() as c:
        c.sendall(post(b"Content-Length: 50\r\n", BODY))
        first, rest = probe.read_answer(c)
        second, rest = probe.read_answer(c, rest)
        assert first.status == 200 and second.status == 400
        assert probe.closed_within(c, 3)


def test_expect_continue(server):
    with server.connect() as c:
        c.sendall(post(b"Content-Length: 57\r\nExpect: 100-continue\r\n"))
        answer, rest = probe.read_answer(c)
        assert answer.status == 100
        c.sendall(BODY)
        answer, rest = probe.read_answer(c, rest)
        assert answer.status == 200 and b'"body_len":57,' in answer.body


def test_expect_continue_for_a_body_too_large_is_refused_at_once(server):
    with server.connect() as c:
        c.sendall(post(b"Content-Length: 3145728\r\nExpect: 100-continue\r\n"))
        answer, _ = probe.read_answer(c)
        assert answer.status == 413


@pytest.mark.parametrize("every_ms", [100])
def test_slow_head_is_cut_at_its_deadline(server, every_ms):
    data = post(b"X-A: " + b"a" * 200 + b"\r\n")
    assert drip(server, data, every_ms) in range(2, 6)


def test_slow_body_is_cut_at_its_deadline(server):
    data = post(b"Content-Length: 200\r\n", b"x" * 200)
    assert drip(server, data, 100, at_once=len(data) - 200) in range(2, 6)


def drip(server, data, every_ms, at_once=0):
    """Sends byte by byte until the server answers 408; the seconds that took."""
    with server.connect() as c:
        c.sendall(data[:at_once])
        start = time.monotonic()
        c.settimeout(every_ms / 1000)
        for i in range(at_once, len(data)):
            probe.send_raw(c, data[i : i + 1])
            try:
                piece = c.recv(4096)
            except TimeoutError:
                continue
            assert piece.startswith(b"HTTP/1.1 408 ")
            return int(time.monotonic() - start)
        pytest.fail("the whole request was taken")


def test_missing_body_is_cut_at_its_deadline(server):
    with server.connect() as c:
        c.sendall(post(b"Content-Length: 58\r\n", BODY))
        start = time.monotonic()
        answer, _ = probe.read_answer(c)
        assert answer.status == 408 and 2 < time.monotonic() - start < 6


def test_silent_handshake_is_cut(server):
    with socket.create_connection(("127.0.0.1", server.port)) as c:
        c.settimeout(8)
        start = time.monotonic()
        assert c.recv(1) == b"" and 2 < time.monotonic() - start < 6


def test_idle_connection_is_closed(tmp_path):
    s = probe.Server(str(tmp_path), idle_ms=1500)
    with s.connect() as c:
        c.sendall(post(b""))
        probe.read_answer(c)
        start = time.monotonic()
        assert probe.receive(c) == b"" and 1 < time.monotonic() - start < 4
    assert s.stop() == 0


def test_deadlines_do_not_touch_a_slow_answer(server):
    with server.connect() as c:
        c.sendall(b"GET /late?ms=4000 HTTP/1.1\r\n" + HOST + b"\r\n")
        answer, _ = probe.read_answer(c)
        assert answer.status == 200


def test_client_that_never_reads_is_bounded_and_cut(server):
    before = server.rss_kib()
    get = b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n"
    with server.connect() as c:
        c.settimeout(0.5)
        start = time.monotonic()
        try:
            while time.monotonic() - start < 10:
                try:
                    c.send(get * 100)
                except TimeoutError:
                    continue
        except (ConnectionError, ssl.SSLError):
            pass
        assert 2 < time.monotonic() - start < 8, "not cut at the deadline of the answer"
    # One answer of 1 MiB, one read buffer and the allocator's slack; not 100 answers.
    assert server.rss_kib() - before < 6 * 1024


def test_large_answer_arrives_whole(server):
    with server.connect() as c:
        c.sendall(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /fixed HTTP/1.1\r\n" + HOST + b"\r\n")
        answer, rest = probe.read_answer(c)
        assert len(answer.body) == 1 << 20
        answer, rest = probe.read_answer(c, rest)
        assert len(answer.body) == 200


def test_resets_with_requests_in_flight(server):
    for i in range(300):
        c = server.connect()
        c.sendall(b"GET /late?ms=%d HTTP/1.1\r\n" % (i % 7) + HOST + b"\r\n")
        if i % 3 == 0:
            time.sleep(0.002)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    with server.connect() as c:
        c.sendall(post(b""))
        assert probe.read_answer(c)[0].status == 200


def test_late_answer_never_reaches_another_connection(tmp_path):
    s = probe.Server(str(tmp_path), connections=1)
    c = s.connect()
    c.sendall(b"GET /late?ms=700 HTTP/1.1\r\n" + HOST + b"\r\n")
    time.sleep(0.1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    time.sleep(0.1)
    with s.connect() as d:  # takes the only slot over
        d.sendall(b"GET /late?ms=1200 HTTP/1.1\r\n" + HOST + b"\r\n")
        start = time.monotonic()
        answer, rest = probe.read_answer(d)
        assert answer.status == 200 and rest == b""
        assert time.monotonic() - start > 1, "the answer of the dead connection arrived here"
    assert s.stop() == 0


def test_full_server_drops_the_longest_idle_connection(tmp_path):
    s = probe.Server(str(tmp_path), connections=3)
    oldest, middle = s.connect(), s.connect()
    for c in (oldest, middle):
        c.sendall(post(b""))
        probe.read_answer(c)
    busy = s.connect()
    busy.sendall(b"GET /late?ms=2000 HTTP/1.1\r\n" + HOST + b"\r\n")
    time.sleep(0.1)
    with s.connect() as new:
        new.sendall(post(b""))
        assert probe.read_answer(new)[0].status == 200
        assert probe.closed_within(oldest, 1)
        middle.sendall(post(b""))
        assert probe.read_answer(middle)[0].status == 200
    assert probe.read_answer(busy)[0].status == 200
    assert s.stop() == 0


def test_full_server_of_busy_connections_refuses_new_ones(tmp_path):
    s = probe.Server(str(tmp_path), connections=2)
    busy = [s.connect() for _ in range(2)]
    for c in busy:
        c.sendall(b"GET /late?ms=1500 HTTP/1.1\r\n" + HOST + b"\r\n")
    time.sleep(0.2)
    with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
        s.connect()
    for c in busy:
        assert probe.read_answer(c)[0].status == 200
    assert s.stop() == 0


def test_memory_of_all_bodies_together_is_bounded(tmp_path):
    s = probe.Server(str(tmp_path), bodies_max=3 << 20)
    waiting = []
    for _ in range(2):
        c = s.connect()
        c.sendall(post(b"Content-Length: 2000000\r\n", b"x" * 1200000))
        waiting.append(c)
    statuses = []
    for _ in range(3):
        with s.connect() as c:
            probe.send_raw(c, post(b"Content-Length: 2000000\r\n", b"x" * 2000000))
            statuses.append(probe.read_answer(c)[0].status)
    assert statuses == [503, 503, 503]
    for c in waiting:
        c.close()
    time.sleep(0.2)
    with s.connect() as c:
        c.sendall(post(b"Content-Length: 2000000\r\n", b"x" * 2000000))
        assert probe.read_answer(c)[0].status == 200
    assert s.stop() == 0


# ---- TLS ----


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1", "-tls1_2"])
def test_older_tls_is_refused(server, version):
    r = s_client(server, version, "-cipher", "ALL:@SECLEVEL=0")
    assert r.returncode != 0
    assert "Cipher is (NONE)" in r.stdout or "Cipher    : 0000" in r.stdout or "no protocols available" in r.stderr


@pytest.mark.parametrize("group", ["X25519MLKEM768", "X25519", "P-256"])
def test_groups(server, group):
    r = s_client(server, "-groups", group)
    assert r.returncode == 0 and "TLSv1.3" in r.stdout, r.stderr


@pytest.mark.parametrize("group", ["P-521", "ffdhe2048"])
def test_other_groups_are_refused(server, group):
    assert s_client(server, "-groups", group).returncode != 0


def test_hybrid_group_is_preferred(server):
    r = s_client(server)
    assert "X25519MLKEM768" in r.stdout


def test_alpn(server):
    assert "ALPN protocol: http/1.1" in s_client(server, "-alpn", "h2,http/1.1").stdout
    r = s_client(server, "-alpn", "h2")
    assert r.returncode != 0 and "no application protocol" in r.stderr


def test_no_session_tickets(server):
    r = s_client(server, request=b"GET /fixed HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n")
    assert "200 OK" in r.stdout and "New Session Ticket" not in r.stdout and "Post-Handshake" not in r.stdout


def test_plain_http_on_the_tls_port(server):
    with socket.create_connection(("127.0.0.1", server.port)) as c:
        c.settimeout(5)
        c.sendall(b"GET / HTTP/1.1\r\nHost: l\r\n\r\n")
        assert not probe.receive(c).startswith(b"HTTP/")


def s_client(server, *arguments, request=b""):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-ign_eof", "-CAfile", server.cert]
    if not request:
        command.remove("-ign_eof")
    r = subprocess.run([*command, *arguments], input=request, capture_output=True, timeout=20, check=False)
    return subprocess.CompletedProcess(r.args, r.returncode, r.stdout.decode("latin-1"), r.stderr.decode("latin-1"))
