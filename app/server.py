"""The worker of gunicorn that serves the site: only a request that has arrived gets a thread.

Gunicorn's own worker reads a request in a thread: once as many slow clients as there are threads have come, nobody else
is answered.
"""

import errno
import re
import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ

from gunicorn.http import get_parser
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

REQUEST_SECONDS = 20.0  # in which a request must arrive, but for a large body
IDLE_SECONDS = 15.0  # that a thread waits for a client that neither sends nor takes anything
DROPPED_BYTES = 250_000_000  # of a body that nobody wants, read so that its client sees the answer
SMALL_BYTES = 256 * 1024  # of a request that is received before it gets a thread
HEAD_BYTES = 64 * 1024  # of the lines before a body: gunicorn refuses more
CHUNK = 64 * 1024  # bytes
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
UNMEASURED = re.compile(rb"\r\n(transfer-encoding|expect):", re.IGNORECASE)  # nobody knows when such a body is whole
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
GONE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)  # a client that left before it was accepted


class Connection(TConn):
    """A connection, and what has arrived of its next request.

    size: bytes of that request; None before its head has arrived.  is_large: whether its body is read in a thread.
    """

    def __init__(self, config, sock: socket.socket, client, server):
        super().__init__(config, sock, client, server)
        self.parser = get_parser(config, sock, client)
        self.initialized = True
        self.expect(0.0)

    def expect(self, deadline: float) -> None:
        """Expect the next request.  deadline: by time.monotonic."""
        self.received, self.size, self.is_large, self.deadline = bytearray(), None, False, deadline

    def init(self) -> None:
        """Bound how long a thread waits for the client; gunicorn calls this as it begins with a request."""
        self.sock.settimeout(IDLE_SECONDS)

    def take(self, piece: bytes) -> bool:
        """Take what has arrived; return whether the request is due for a thread."""
        self.received += piece
        if self.size is None:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                self.is_large = len(self.received) > HEAD_BYTES
                return self.is_large
            lines = self.received[: head + 2]
            length = LENGTH.search(lines)
            self.size = head + 4 + (int(length[1]) if length else 0)
            self.is_large = self.size > SMALL_BYTES or UNMEASURED.search(lines) is not None
        return self.is_large or len(self.received) >= self.size


class Worker(ThreadWorker):
    """Receives small requests in its main thread, all at once; large bodies may hold half of the other threads."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._receiving: dict[Connection, None] = {}  # in the order of their deadlines
        self._waiting: deque[Connection] = deque()  # large ones without a thread
        self._n_large = 0  # large ones that have a thread

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, and wait for its request without a thread."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno not in GONE:
                raise
            return
        self.nr_conns += 1
        self._expect(Connection(self.cfg, sock, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Receive the next request of a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._expect(conn)

    def finish_request(self, conn: Connection, fs: Future) -> None:
        """Give the thread of a large request to the next one."""
        if conn.is_large:
            conn.is_large = False
            self._n_large -= 1
            self._start_large()
        super().finish_request(conn, fs)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Read the rest of a large body: a browser shows no answer before it has sent everything."""
        if conn.is_large:
            deadline = time.monotonic() + IDLE_SECONDS
            keepalive = conn.parser.finish_body(deadline=deadline, max_bytes=DROPPED_BYTES) and keepalive
        return super()._keepalive_after(conn, keepalive)

    def murder_pending(self) -> None:
        """Close connections whose request did not arrive in time."""
        late = [conn for conn in self._receiving if conn.deadline <= time.monotonic()]
        for conn in late:
            self._stop_receiving(conn)
            if conn.received:
                self._try_to_send(conn, TIMED_OUT)
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """At a stop, close what has sent nothing by the deadline."""
        super()._cap_keepalive(deadline)
        for conn in self._receiving:
            if not conn.received:
                conn.deadline = min(conn.deadline, deadline)

    def _expect(self, conn: Connection) -> None:
        conn.expect(time.monotonic() + (REQUEST_SECONDS if self.alive else STOP_KEEPALIVE_LINGER))
        conn.sock.setblocking(False)
        self._receiving[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: Connection, sock: socket.socket) -> None:
        try:
            piece = sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._stop_receiving(conn)
            self._close(conn)
        elif conn.take(piece):
            self._stop_receiving(conn)
            conn.parser.unreader.unread(bytes(conn.received))
            conn.received.clear()
            if conn.is_large:
                self._waiting.append(conn)
                self._start_large()
            else:
                self.enqueue_req(conn)

    def _start_large(self) -> None:
        while self._waiting and self._n_large < max(1, self.cfg.threads // 2):
            self._n_large += 1
            self.enqueue_req(self._waiting.popleft())

    def _stop_receiving(self, conn: Connection) -> None:
        self.poller.unregister(conn.sock)
        del self._receiving[conn]

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    @staticmethod
    def _try_to_send(conn: Connection, answer: bytes) -> None:
        with suppress(OSError):
            conn.sock.send(answer)
