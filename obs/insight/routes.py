"""How each route of an exchange answers: the names under which `State` counts calls, by kind of answer.

A refused key, a limit, an outage and a request of our own making look alike when only failures are counted.
"""

from __future__ import annotations

import re

from obs.events import Event, Severity
from obs.insight.tallies import joined

__all__ = ["AUTH", "DOWN", "INVALID", "LIMIT", "OK", "answer_of", "route_name"]

OK, AUTH, LIMIT, INVALID, DOWN = "ok", "auth", "limit", "invalid", "down"
_KINDS = {
    "auth": AUTH, "authentication": AUTH, "permission": AUTH, "401": AUTH, "403": AUTH,
    "rate_limit": LIMIT, "ratelimit": LIMIT, "429": LIMIT, "418": LIMIT, "ddos": LIMIT,
    "invalid": INVALID, "bad_request": INVALID, "400": INVALID, "404": INVALID, "422": INVALID,
}  # fmt: skip
_VARIABLE = re.compile(r"[^/]*\d{3,}[^/]*|\?.*")


def answer_of(event: Event) -> str:
    """Return the kind of answer that an `api.requested` event tells: ok, auth, limit, invalid or down."""
    values = event.attributes
    word = str(values.get("error.type") or "").lower()
    status = str(values.get("http.response.status_code") or "")
    if not word and event.severity < Severity.ERROR and (not status.isdecimal() or int(status) < 400):
        return OK
    # The bot's own word knows more than the number: 403 may be a limit of the address.
    return _KINDS.get(word) or _KINDS.get(status) or DOWN


def route_name(event: Event, service: str) -> str:
    """Return exchange, service, kind of answer and route of a call; empty for any other event."""
    if event.event_name != "api.requested" or event.attributes.get("run.mode") == "backtest":
        return ""
    values = event.attributes
    exchange = values.get("exchange.id") or values.get("server.address") or ""
    route = _VARIABLE.sub("{}", str(values.get("http.route") or values.get("url.path") or ""))
    return joined(exchange, service, answer_of(event), route)
