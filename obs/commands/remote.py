"""Asks the sidecar of a directory over HTTP on this machine: its health, and its stream of events.

The standard library is enough; answers are bounded and waited for only so long.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from obs.web.model import EventRow

__all__ = ["health", "stream"]

PATIENCE_SECONDS = 5.0
"""The stream says something each two seconds: silence for so long is a sidecar that is gone."""
MOST_BYTES = 16 * 2**20
_ROWS = msgspec.json.Decoder(list[EventRow])


def health(url: str) -> str:
    """Return what keeps the sidecar from its work, in words; empty when it is well."""
    try:
        with _asked(url, "/health", {}) as answer:
            said = json.loads(answer.read(MOST_BYTES))
    except (OSError, ValueError, http.client.HTTPException):
        return f"the sidecar does not answer at {url}"
    return str(said.get("fault") or "") if isinstance(said, dict) else "the sidecar's answer cannot be read"


def stream(url: str, directory: Path, *, after: int, follow: bool) -> Iterator[list[EventRow]]:
    """Give the events that are kept, then all that come; ends when the sidecar goes away.

    Args:
        url: Where it listens.
        directory: The `OBS_DIR`, which may hold the token for reading.
        after: Number of the last event that was seen here; 0 for none.
        follow: Whether to stay after what is kept.
    """
    headers = {"Accept": "text/event-stream", **_authority(directory)}
    if after:
        headers["Last-Event-ID"] = str(after)
    try:
        with _asked(url, "/api/stream", headers) as answer:
            beats = 0
            for kind, data in _messages(answer):
                if kind == "events":
                    yield _ROWS.decode(data)
                beats += kind == "beat"
                # What is kept comes in one message; a sidecar that keeps nothing yet only goes on beating.
                if not follow and (kind == "events" or beats > 1):
                    return
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        # It ended or was killed: the caller looks again where the sidecar is.
        return


def _asked(url: str, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1", parts.port, timeout=PATIENCE_SECONDS
    )
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    if path != "/health" and answer.status != 200:
        raise http.client.HTTPException(f"{path}: {answer.status}")
    return answer


def _authority(directory: Path) -> dict[str, str]:
    import os

    from obs.api.tokens import TokenError, stored

    try:
        token = os.environ.get("OBS_TOKEN") or stored(directory)
    except TokenError:
        return {}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _messages(answer: Any) -> Iterator[tuple[str, bytes]]:
    kind, data = "message", []
    for raw in iter(lambda: answer.readline(MOST_BYTES), b""):
        line = raw.rstrip(b"\r\n")
        field, _, value = line.partition(b": ")
        if field == b"event":
            kind = value.decode()
        elif field == b"data":
            data.append(value)
        elif not line and data:
            yield kind, b"\n".join(data)
            kind, data = "message", []
