"""The Internet on this machine: a proxy that answers for any host, with certificates of its own authority.

Whoever sends is not changed in anything: its requests go to the real names, and arrive here.
"""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import parse_headers
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import orjson
import pytest
import trustme

__all__ = ["Relay", "Request"]


class Request(NamedTuple):
    """What came."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, object]:
        """The body as JSON."""
        found: dict[str, object] = orjson.loads(self.body)
        return found

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode(), strict_parsing=True).items()}


class Relay:
    """Answers each host as it is told: 200 and `ok` unless set otherwise."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.turns: dict[str, list[tuple[int, bytes]]] = {}
        self._authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.bundle))
        relay = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, ssl.SSLError):
                    relay._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)

    @property
    def only(self) -> Request:
        """The one request that came."""
        (found,) = self.requests
        return found

    @contextmanager
    def open(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
        """Stand between until the end of the block."""
        for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{self._server.server_address[1]}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self.bundle))
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _serve(self, door: socketserver.StreamRequestHandler) -> None:
        host = door.rfile.readline().split()[1].decode().partition(":")[0]
        parse_headers(door.rfile)
        door.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(host).configure_cert(context)
        with context.wrap_socket(door.request, server_side=True) as secure:
            inside = BufferedReader(secure.makefile("rb", buffering=0))
            method, path, _ = inside.readline().decode().split()
            headers = {name.lower(): value for name, value in parse_headers(inside).items()}
            body = inside.read(int(headers.get("content-length", 0)))
            self.requests.append(Request(host, method, path, headers, body))
            turns = self.turns.get(host)
            status, answer = turns.pop(0) if turns else self.answers.get(host, (200, b"ok"))
            head = f"HTTP/1.1 {status} told\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
            secure.sendall(head.encode() + answer)
