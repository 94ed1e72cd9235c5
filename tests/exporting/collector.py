"""A real HTTP server that takes OpenTelemetry in, well or badly, and keeps what it took."""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What came, and how the next request is answered."""

    def __init__(self) -> None:
        self.url = ""
        self.logs: list[ExportLogsServiceRequest] = []
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.retry_after = ""
        self.seconds = 0.0
        """How long an answer takes."""
        self.drips = 0.0
        """Seconds between two bytes of an answer."""
        self.poison = ""
        """A request with a record of this text is refused."""
        self.rejects = 0
        self.keeps = True
        """Whether what came is kept."""
        self.asked = 0
        self.asked_at: list[float] = []

    @property
    def records(self) -> list[LogRecord]:
        return [
            record
            for request in self.logs
            for owner in request.resource_logs
            for scope in owner.scope_logs
            for record in scope.log_records
        ]

    @property
    def bodies(self) -> list[str]:
        return [record.body.string_value for record in self.records]

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.traces
            for owner in request.resource_spans
            for scope in owner.scope_spans
            for span in scope.spans
        ]

    def take(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked += 1
        self.asked_at.append(time.monotonic())
        time.sleep(self.seconds)
        if self.status != 200:
            return self.status, b""
        if self.poison and self.poison.encode() in body:
            return 400, b""
        if not self.keeps:
            return 200, b""
        if path == "/v1/logs":
            self.logs.append(ExportLogsServiceRequest.FromString(body))
            if self.rejects:
                told = ExportLogsPartialSuccess(rejected_log_records=self.rejects, error_message="too old")
                return 200, ExportLogsServiceResponse(partial_success=told).SerializeToString()
        elif path == "/v1/traces":
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        elif path == "/v1/metrics":
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        else:
            return 404, b""
        return 200, b""


@contextmanager
def collecting(port: int = 0, *, context: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """Serve on a free port of this machine; with a context by TLS."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.headers.append(dict(self.headers.items()))
            status, answer = collector.take(self.path, body)
            try:
                if collector.drips:
                    for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1_000:
                        self.wfile.write(bytes((byte,)))
                        time.sleep(collector.drips)
                self.send_response(status)
                if collector.retry_after:
                    self.send_header("Retry-After", collector.retry_after)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", port), Handler)
    if context is not None:
        # The handshake is the handler's: whoever fails at it keeps nobody waiting.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    collector.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes by name."""
    return {pair.key: _plain(pair) for pair in pairs}


def _plain(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return getattr(pair.value, kind) if kind else None


def until(is_so: Any, seconds: float = 60.0) -> bool:
    """Wait for something that other threads do."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(is_so())
