"""A real gRPC server that takes OpenTelemetry in, well or badly, and keeps what it took."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from tests.exporting.collector import Collector

SERVICES = {
    "opentelemetry.proto.collector.logs.v1.LogsService": "/v1/logs",
    "opentelemetry.proto.collector.trace.v1.TraceService": "/v1/traces",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "/v1/metrics",
}


class GrpcCollector(Collector):
    """Beside what came: what it answers by gRPC."""

    def __init__(self) -> None:
        super().__init__()
        self.code = "OK"
        self.details = ""
        self.retry_seconds = 0.0
        """Said with the code; 0: nothing is said."""
        self.most_bytes = 1 << 30
        """Larger requests are too much for it."""
        self.packed: list[bool] = []

    def heard(self, path: str, body: bytes, call: Any) -> bytes:
        self.headers.append({key: str(value) for key, value in call.invocation_metadata()})
        self.packed.append(body[:2] == b"\x1f\x8b")
        body = gzip.decompress(body) if self.packed[-1] else body
        status, answer = self.take(path, body)
        code = self.code if status == 200 else "INVALID_ARGUMENT"
        if len(body) > self.most_bytes:
            code = "RESOURCE_EXHAUSTED"
        call.set_code(grpc.StatusCode[code])
        call.set_details(self.details)
        if self.retry_seconds:
            told = Status(code=grpc.StatusCode[code].value[0], message=self.details)
            delay = Duration()
            delay.FromNanoseconds(int(self.retry_seconds * 1e9))
            told.details.add().Pack(RetryInfo(retry_delay=delay))
            call.set_trailing_metadata((("grpc-status-details-bin", told.SerializeToString()),))
        return answer

    def take(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self.code == "OK" and len(body) <= self.most_bytes:
            return super().take(path, body)
        self.asked += 1
        return 200, b""


@contextmanager
def collecting_grpc(*, credentials: Any = None) -> Iterator[GrpcCollector]:
    """Serve on a free port of this machine; with credentials by TLS."""
    collector = GrpcCollector()

    def handler(path: str) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda body, call: collector.heard(path, body, call))

    workers = ThreadPoolExecutor(4)
    server = grpc.server(
        workers,
        handlers=[
            grpc.method_handlers_generic_handler(service, {"Export": handler(path)})
            for service, path in SERVICES.items()
        ],
        # Packed as it came, so that a test can see it.
        options=[("grpc.so_reuseport", 0), ("grpc.per_message_decompression", 0)],
    )
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    collector.url = f"{'http' if credentials is None else 'https'}://127.0.0.1:{port}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(0).wait(10)
        workers.shutdown(wait=False)
