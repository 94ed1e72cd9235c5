"""The door for OpenTelemetry by gRPC: the three services beside the HTTP door, with the same inbox behind.

Messages come as the bytes they are, still packed: so one bad record costs itself, and what a few kilobytes
become has a bound. Who sends is known before anything of the message is read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from obs.api.tokens import Tokens
from obs.journal import journal
from obs.otlp.answers import Form
from obs.otlp.grpc_library import EXTRA, SERVICES, is_installed, loaded
from obs.otlp.grpc_porter import Porter
from obs.otlp.grpc_status import DETAILS, status_of
from obs.otlp.receiving import MOST_BYTES, RETRY_SECONDS, Receiver

__all__ = ["GrpcDoor"]

WORKERS = 4
"""Messages that are read at one time; the rest wait in their connections."""
MOST_OPEN = 256
"""Connections: whoever opens many must not take the files that all else needs."""
BODY_SECONDS = 10.0
STOP_SECONDS = 2.0
_CODES = {400: "INVALID_ARGUMENT", 413: "RESOURCE_EXHAUSTED", 415: "UNIMPLEMENTED", 503: "UNAVAILABLE"}
"""Status over HTTP -> gRPC's code."""
_OPTIONS = (
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.max_metadata_size", 16_384),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_allowed_incoming_connections", MOST_OPEN),
    ("grpc.server_handshake_timeout_ms", int(BODY_SECONDS * 1_000)),
    ("grpc.max_connection_idle_ms", 120_000),
    # Unpacked by us, within a bound: the library would make gigabytes of a few kilobytes.
    ("grpc.per_message_decompression", 0),
    # Two that share a port would each hear half.
    ("grpc.so_reuseport", 0),
)


class GrpcDoor:
    """Listens from the beginning, takes in from `open` to `close`."""

    def __init__(self, host: str, port: int, *, body_seconds: float = BODY_SECONDS) -> None:
        """Bind the port.

        Args:
            host: Address to listen on.
            port: 0 takes a free one.
            body_seconds: Within which a message must have come.

        Raises:
            ValueError: If the extra is missing, or the port cannot be had; the message says the mend.
        """
        if not is_installed():
            raise ValueError(
                f"grpc = {port} under [otlp]: gRPC is an extra: {EXTRA}, or leave `grpc` out: "
                "OpenTelemetry over HTTP is taken in all the same"
            )
        self._grpc = loaded()
        self._services = _Services(self._grpc, body_seconds)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="obs-grpc")
        self._server = self._grpc.server(self._workers, handlers=self._services.handlers(), options=_OPTIONS)
        shown = f"[{host}]" if ":" in host else host
        try:
            self.port = int(self._server.add_insecure_port(f"{shown}:{port}"))
        except RuntimeError:
            self.port = 0
        if not self.port:
            self._workers.shutdown(wait=False)
            raise ValueError(
                f"port {port} on {host}: gRPC cannot listen there, as a rule because another program does: "
                "choose another with --grpc or `grpc` under [otlp], or end the program that holds it"
            )
        self.address = f"http://{shown}:{self.port}"

    def open(self, receiver: Receiver, tokens: Tokens) -> None:
        """Begin to take in.

        Args:
            receiver: Where requests go.
            tokens: Whom to let in from elsewhere.
        """
        self._services.behind(receiver, Porter(tokens))
        self._server.start()

    def close(self) -> None:
        """Let those who are in finish for a moment, then end."""
        self._server.stop(STOP_SECONDS).wait(STOP_SECONDS + 1)
        self._workers.shutdown(wait=False)


class _Services:
    """What is done with a call."""

    def __init__(self, grpc: Any, body_seconds: float) -> None:
        self._grpc, self._body_seconds = grpc, body_seconds
        self._receiver: Receiver | None = None
        self._porter: Porter | None = None
        self._log = journal("otlp")

    def behind(self, receiver: Receiver, porter: Porter) -> None:
        self._receiver, self._porter = receiver, porter

    def handlers(self) -> list[Any]:
        """Return what finds the handler of each method."""
        made = []
        for signal, path in SERVICES.items():
            _, service, method = path.split("/")
            # As a stream of one message: then it is read here, and not before the caller is known.
            handler = self._grpc.stream_unary_rpc_method_handler(self._taking(signal))
            made.append(self._grpc.method_handlers_generic_handler(service, {method: handler}))
        return made

    def _taking(self, signal: str) -> Any:
        def take(messages: Iterator[bytes], call: Any) -> bytes:
            try:
                return self._take(signal, messages, call)
            except Exception as error:  # noqa: BLE001 - said in our words, not with a traceback of theirs
                if call.is_active():
                    self._log.error("a request failed", kind=type(error).__name__, signal=signal)
                    self._refuse(call, "INTERNAL", "the sidecar failed; its log says why")
                return b""

        return take

    def _take(self, signal: str, messages: Iterator[bytes], call: Any) -> bytes:
        assert self._receiver is not None
        assert self._porter is not None
        refusal = self._porter.refusal(call.peer(), call.invocation_metadata())
        if refusal is not None:
            return self._refuse(call, *refusal)
        body = _read(messages, call, self._body_seconds)
        with self._receiver.holding(len(body)) as has_room:
            if not has_room:
                return self._refuse(
                    call, "UNAVAILABLE", "too many requests are being taken in", RETRY_SECONDS
                )
            answer = self._receiver.receive(signal, Form.PROTOBUF.value, _packing(body), body)
        if answer.status == 200:
            return answer.body
        code = _CODES.get(answer.status, "INTERNAL")
        retry = RETRY_SECONDS if code == "UNAVAILABLE" else 0
        return self._refuse(call, code, answer.words, retry)

    def _refuse(self, call: Any, code: str, message: str, retry_seconds: int = 0) -> bytes:
        known = self._grpc.StatusCode[code]
        call.set_code(known)
        call.set_details(message)
        if retry_seconds:
            call.set_trailing_metadata(((DETAILS, status_of(known.value[0], message, retry_seconds)),))
        return b""


def _read(messages: Iterator[bytes], call: Any, seconds: float) -> bytes:
    """Return the message; who does not send it in time is let go."""
    late = threading.Timer(seconds, call.cancel)
    late.daemon = True
    late.start()
    try:
        return next(messages, b"")
    finally:
        late.cancel()


def _packing(body: bytes) -> str:
    """Return how a message is packed: no request of OTLP begins like that."""
    if body[:2] == b"\x1f\x8b":
        return "gzip"
    return "deflate" if body[:1] == b"\x78" and int.from_bytes(body[:2], "big") % 31 == 0 else ""
