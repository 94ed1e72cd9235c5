"""What an OTLP client is answered, in the encoding in which it asked."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

__all__ = ["Answer", "Form", "accepted", "form_of", "refused"]


class Form(enum.StrEnum):
    """The two encodings, by their media types."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class Answer(NamedTuple):
    """Status, body and headers of an answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    words: str = ""
    """What is wrong, where nothing was kept."""


REJECTED = {"logs": "rejectedLogRecords", "traces": "rejectedSpans", "metrics": "rejectedDataPoints"}
"""Signal -> how its partial success names the count in JSON; in protobuf it is field 1 of each."""
_CODES = {400: 3, 413: 3, 415: 3, 503: 14}
"""HTTP status -> code of google.rpc.Status."""


def form_of(kind: str) -> Form | None:
    """Return the encoding that a `Content-Type` names, or None."""
    word = kind.partition(";")[0].strip().lower()
    return Form(word) if word in tuple(Form) else None


def accepted(form: Form, signal: str, rejected: int, message: str) -> Answer:
    """Return the answer to a request that was taken in.

    Args:
        form: The encoding.
        signal: `logs`, `traces` or `metrics`.
        rejected: Records that could not be used and must not be sent again.
        message: What is to be said of it, also when none was rejected; empty: nothing.
    """
    if form is Form.JSON:
        said = {REJECTED[signal]: str(rejected), "errorMessage": message} if rejected or message else None
        return Answer(200, orjson.dumps({"partialSuccess": said} if said else {}), _of(form))
    # All three answers have the same fields under the same numbers.
    made = ExportLogsServiceResponse()
    if rejected or message:
        made.partial_success.rejected_log_records = rejected
        made.partial_success.error_message = message
    return Answer(200, made.SerializeToString(), _of(form))


def refused(form: Form, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer to a request of which nothing was kept: a `google.rpc.Status`.

    Args:
        form: The encoding.
        status: HTTP status.
        message: What is wrong and how to mend it, in our words.
        headers: Further headers.
    """
    code = _CODES.get(status, 13)
    if form is Form.JSON:
        body = orjson.dumps({"code": code, "message": message})
    else:
        # Its own class is in a library of its own: two fields, of which a text is written like any other.
        text = AnyValue(string_value=message).SerializeToString()
        body = bytes((8, code, 18)) + text[1:]
    return Answer(status, body, {**_of(form), **(headers or {})}, message)


def _of(form: Form) -> dict[str, str]:
    return {"Content-Type": form.value}
