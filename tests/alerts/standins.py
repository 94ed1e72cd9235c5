"""Services on this machine that take messages as the real ones do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Service:
    """Answers posts as it is told: a status, or a pause before it."""

    def __init__(self) -> None:
        self.status, self.pause = 200, 0.0
        self.headers: dict[str, str] = {}
        self.answer = b'{"ok": true, "result": {}}'
        self.asked = 0
        self.taken: list[dict[str, Any]] = []
        self.paths: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = self.rfile.read(int(self.headers["Content-Length"]))
                status = service.status
                service.asked += 1
                if status == 200:
                    service.taken.append(json.loads(said))
                    service.paths.append(self.path)
                time.sleep(service.pause)
                answer = service.answer
                # With a date of ours only where the test sets none.
                (self.send_response_only if "Date" in service.headers else self.send_response)(status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    @property
    def address(self) -> str:
        """As Apprise writes it."""
        return f"json://127.0.0.1:{self.port}/hook-s3cr3tT0ken"

    @property
    def texts(self) -> list[str]:
        """Titles and texts that came."""
        return [f"{said['title']}\n{said['message']}" for said in self.taken]

    @contextmanager
    def open(self) -> Iterator[Service]:
        """Answer until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
