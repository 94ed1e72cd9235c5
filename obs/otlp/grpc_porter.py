"""Who may send by gRPC: programs of this machine; from elsewhere, or through a proxy, whoever has the token.

The same rules and limits as those of the HTTP door, which stand in `obs.api.guard`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from obs.api.limits import ELSEWHERE, GUESSES, LOOPBACK, RateLimit
from obs.api.tokens import Scope, Tokens

__all__ = ["Porter", "Refusal"]

MAPPED = "::ffff:"
"""How an address of the old kind is written by who listens to both."""
_NEAR = ("", "127.0.0.1", "::1")
_RELAYED = frozenset(("origin", "sec-fetch-site", "forwarded", "x-forwarded-for", "x-real-ip", "via"))


class Refusal(NamedTuple):
    """Why somebody may not send, and when to come again (0: not like that)."""

    code: str
    """Of gRPC."""
    message: str
    retry_seconds: int = 0


class Porter:
    """Lets a call in or refuses it; from any thread."""

    def __init__(self, tokens: Tokens) -> None:
        """Make one who knows these tokens."""
        self._tokens = tokens
        self._lock = threading.Lock()
        self._near, self._far, self._guesses = RateLimit(LOOPBACK), RateLimit(ELSEWHERE), RateLimit(GUESSES)

    def refusal(self, peer: str, metadata: Iterable[tuple[str, str | bytes]]) -> Refusal | None:
        """Return why a call is refused; None lets it in.

        Args:
            peer: As gRPC writes it: `ipv4:127.0.0.1:50123`, `ipv6:%5B::1%5D:50123`.
            metadata: Names in lower case, and values.
        """
        client = _host(peer)
        is_near = client in _NEAR
        told: dict[str, list[str | bytes]] = {}
        for name, value in metadata:
            told.setdefault(name, []).append(value)
        with self._lock:
            wait = (self._near if is_near else self._far).take(client)
            if wait:
                return _slower(wait)
            if is_near and not _RELAYED & told.keys():
                return None
            if not is_near and self._guesses.is_empty(client):
                return _slower(5.0)
            given = _token(told.get("authorization", []))
            allowed = self._tokens.scope_of(given)
            if allowed is Scope.CONTROL:
                return None
            if allowed is Scope.NONE and given and not is_near:
                self._guesses.take(client)
        if allowed is Scope.READ:
            return Refusal("PERMISSION_DENIED", "this token allows reading only")
        return Refusal("UNAUTHENTICATED", "send the control token: authorization: Bearer TOKEN")


def _slower(wait: float) -> Refusal:
    return Refusal("UNAVAILABLE", "too many requests: come again later", max(1, round(wait)))


def _host(peer: str) -> str:
    kind, _, rest = unquote(peer).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return kind
    return rest.rpartition(":")[0].strip("[]").lower().removeprefix(MAPPED)


def _token(values: list[str | bytes]) -> str:
    if len(values) != 1 or not isinstance(values[0], str):
        return ""
    word, _, token = values[0].partition(" ")
    return token.strip() if word.lower() == "bearer" else ""
