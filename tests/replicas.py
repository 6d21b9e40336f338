"""Replicas of a stand-in for the networks, behind a plain HTTP server: what a site meets, without Ray."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from models import Replica


class Replicas:
    """address: of the server.  asked: the paths, in order.  trouble: called with the handler before each answer; when
    it returns true, nothing is answered.
    """

    def __init__(self, replica: Replica):
        self.replica, self.asked, self.trouble = replica, [], lambda _handler: False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"ray://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def served(self):
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        replicas = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.message = message = self.rfile.read(int(self.headers["Content-Length"]))
                replicas.asked.append(self.path)
                if replicas.trouble(self):
                    return
                if replicas.replica.may_ask(self.headers.get("Authorization", "")):
                    self.give(*replicas.replica.answer(self.path, message))
                else:
                    self.give(401, b"")

            def give(self, status: int, answer: bytes, n_sent: int | None = None) -> None:
                """n_sent: bytes after which the connection is cut."""
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer[:n_sent])

            def log_message(self, *_words) -> None:
                pass

        return Handler
