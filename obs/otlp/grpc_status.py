"""`google.rpc.Status` as bytes: what gRPC says beside its code, and when to come again.

Its own classes stand in a library of their own, which nothing else here needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.any_pb2 import Any  # type: ignore[import-untyped]
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from obs.otlp.wire import WireError, parts

__all__ = ["DETAILS", "retry_delay", "status_of"]

DETAILS = "grpc-status-details-bin"
"""The trailer that carries it."""
RETRY = "type.googleapis.com/google.rpc.RetryInfo"
_BYTES = 2
"""Wire form of a field with a length."""


def status_of(code: int, message: str, retry_seconds: int = 0) -> bytes:
    """Return a status.

    Args:
        code: Of gRPC.
        message: In our words.
        retry_seconds: After which the same may be sent again; 0 says nothing of it.
    """
    made = bytes((8, code)) + _field(2, message.encode("utf-8", "backslashreplace"))
    if retry_seconds:
        delay = _field(1, Duration(seconds=retry_seconds).SerializeToString())
        made += _field(3, Any(type_url=RETRY, value=delay).SerializeToString())
    return made


def retry_delay(status: bytes) -> float | None:
    """Return the seconds after which the same may be sent again; None where a status does not say."""
    try:
        for raw in parts(status, 3):
            detail = Any.FromString(raw)
            if detail.type_url == RETRY:
                return max(0.0, sum(map(_seconds, parts(detail.value, 1)), 0.0))
    except (WireError, DecodeError):
        # A status that is none says nothing.
        return None
    return None


def _seconds(raw: bytes) -> float:
    told = Duration.FromString(raw)
    return float(told.seconds + told.nanos / 1e9)


def _field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | _BYTES,)) + bytes(_varint(len(data))) + data


def _varint(value: int) -> Iterator[int]:
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value
