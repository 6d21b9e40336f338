"""Slow, stalled and broken clients: whoever else asks is answered meanwhile, and what they sent leaves nothing."""

import os
import socket
import time

import pytest

from app.server import SMALL_BYTES, Connection
from tests.served import THREADS, served, until

HEAD = b"POST /voices HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LARGE = 4 * SMALL_BYTES
PATIENCE = 10.0  # seconds in which somebody else is answered on a busy machine
STALLED = {
    "says nothing": b"",
    "stops in the first line": b"POST / HT",
    "stops in the head": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    "stops in a small body": HEAD + b"Content-Length: 1000\r\n\r\n--x\r\n",
    "stops in an upload": HEAD + b"Content-Length: %d\r\n\r\n--x\r\n" % LARGE,
    "stops in a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n--x",
    "waits for leave": HEAD + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("slow")) as begin:
        yield begin(sentence_seconds=0)


def connect(site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=60)


def n_files(site) -> int:
    return len(os.listdir(f"/proc/{site.worker()}/fd"))


@pytest.mark.parametrize("kind", STALLED)
def test_stalled_clients_keep_nobody_else_waiting(site, kind):
    clients = [connect(site) for _ in range(5 * THREADS)]
    try:
        for client in clients:
            client.sendall(STALLED[kind])
        time.sleep(0.5)
        for path in ("/healthz", "/", "/voices"):
            began = time.monotonic()
            site.get(path)
            assert time.monotonic() - began < PATIENCE, path
    finally:
        for client in clients:
            client.close()


def test_request_that_comes_a_byte_at_a_time_is_answered(site):
    with connect(site) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GET:
            client.send(bytes([byte]))
            time.sleep(0.005)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_several_requests_on_one_connection_are_all_answered(site):
    with connect(site) as client:
        client.sendall(GET + GET)
        answers = b""
        while answers.count(b'{"status":"ok"}') < 2:
            assert (piece := client.recv(4096)), answers
            answers += piece
        client.sendall(GET)
        assert b"200 OK" in client.recv(4096)


def test_upload_that_is_cut_off_leaves_nothing(site):
    before = n_files(site)
    for head in (STALLED["stops in a small body"], STALLED["stops in an upload"], STALLED["stops in a chunk"]):
        for _ in range(3 * THREADS):
            with connect(site) as client:
                client.sendall(head)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset
    until(lambda: n_files(site) <= before + 1, 60)
    assert "Traceback" not in site.log.read_text()


def test_late_request_is_ended(site):
    with connect(site) as client:
        client.sendall(STALLED["stops in the head"])
        assert client.recv(1000).startswith(b"HTTP/1.1 408")
        assert client.recv(1000) == b""


def post_file(site, path: str, size: int, address: str) -> str:
    """Upload a file from an address of this machine; return the answer."""
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = part + os.urandom(size) + b"\r\n--x--\r\n"
    with socket.create_connection(("127.0.0.1", site.port), 60, (address, 0)) as client:
        client.sendall(b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" % path.encode())
        client.sendall(b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 100_000):
            client.sendall(body[start : start + 100_000])
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def test_large_upload_is_received_whole(site):
    answer = post_file(site, "/verify", 3 * LARGE, "127.0.0.2")
    assert answer.startswith("HTTP/1.1 200") and "<main" in answer


def test_large_upload_that_is_refused_unread_gets_its_answer(site):
    assert post_file(site, "/nothing", 20 * LARGE, "127.0.0.2").startswith("HTTP/1.1 404")


@pytest.mark.parametrize(
    ("head", "is_due", "is_large"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", False, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True, False),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", False, False),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", True, False),
        (b"POST / HTTP/1.1\r\nCONTENT-LENGTH:3\r\n\r\nabc", True, False),
        (b"POST / HTTP/1.1\r\nX: y content-length: 9\r\n\r\n", True, False),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", True, True),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", True, True),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, True, True),
    ],
)
def test_request_is_due_once_it_is_whole_or_large(head, is_due, is_large):
    from gunicorn.config import Config

    near, far = socket.socketpair()
    with near, far:
        conn = Connection(Config(), near, ("127.0.0.1", 1), ("127.0.0.1", 2))
        assert (conn.take(head), conn.is_large) == (is_due, is_large)
