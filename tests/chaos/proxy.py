"""A proxy before Elasticsearch that answers as a cluster in trouble does, while it is told to."""

from __future__ import annotations

import http.client
import threading

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


Kind = Literal["", "429", "503", "reset", "hang"]


@dataclass
class Proxy:
    """`trouble` is what becomes of every request from now on; `met` counts those that met some."""

    url: str = ""
    trouble: Kind = ""
    met: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy before the node at `port`."""
    made = Proxy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            kind = made.trouble
            if kind:
                made.met[kind] += 1
            if kind in {"429", "503"}:
                body = b'{"error":{"reason":"in trouble"}}'
                self._answer(int(kind), {"content-type": "application/json"}, body)
            elif kind:
                if kind == "hang":
                    made.over.wait(30)  # longer than the client has patience
                self.close_connection = True
            else:
                self._forward(body)

        def _forward(self, body: bytes) -> None:
            inner = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            inner.request(self.command, self.path, body, dict(self.headers))
            answer = inner.getresponse()
            kept = ("content-type", "content-encoding", "x-elastic-product")
            headers = {name: answer.headers[name] for name in kept if name in answer.headers}
            self._answer(answer.status, headers, answer.read())
            inner.close()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = pass_on  # noqa: N815  (http.server's)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that lost its patience has hung up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        made.over.set()
        server.shutdown()
