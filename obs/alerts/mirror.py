"""Alertmanager's silences, asked for every few seconds: its webhook does not tell them.

A silence holds what Alertmanager itself says it silences, by the fingerprint of the alert, and our own issues
by its matchers on labels of ours. While Alertmanager does not answer, what it said last is in force, each
silence until its own end.

Source: github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from obs.alerts.channels import ChannelError, filled
from obs.alerts.desk import Desk
from obs.alerts.folding import of_alert
from obs.alerts.silences import Matcher, Silence
from obs.journal import Journal, journal

__all__ = ["Mirror", "MirrorError", "Source", "asked", "read"]

TIMEOUT_SECONDS = 5.0
MOST_SECONDS = 300.0
"""Between two tries while it does not answer."""
MOST_BYTES = 16 << 20
MOST_SILENCES = 1_000
MOST_TEXT = 500


class MirrorError(Exception):
    """It could not be asked; the message never holds its address."""


class Source(NamedTuple):
    """One Alertmanager."""

    address: str
    """`http://HOST:9093`, a path before `/api/v2` and `USER:PASSWORD@` with it if there is one; may hold
    `${NAME}`."""
    token: str = ""
    """Sent as `Authorization: Bearer`; may hold `${NAME}`."""
    every_seconds: float = 15.0


class Mirror:
    """Asks in a thread of its own; its answers are taken by the alerter's."""

    def __init__(
        self,
        source: Source | None,
        *,
        say: Callable[[str], None] = lambda _: None,
        log: Journal | None = None,
    ) -> None:
        """Make one; with a source it begins when it is first asked for silences.

        Args:
            source: None asks nobody.
            say: Told in one sentence when it does not answer.
            log: Where it is written down.
        """
        self._source, self._say = source, say
        self._log = log if log is not None else journal("alerts")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._answer: list[Silence] | None = None
        self._is_new = False
        self.state = -1 if source is None else 0
        """1: it answers, 0: it does not (yet), -1: none is set."""

    def adopt(self, source: Source | None) -> None:
        """Ask another one from now on, or nobody; the old one's silences end when it answers."""
        if source == self._source:
            return
        self.close()
        self._source, self._stop, self._thread = source, threading.Event(), None
        self.state = -1 if source is None else 0
        self._answer, self._is_new = ([], True) if source is None else (None, False)

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()

    def silences(self, desk: Desk, now: int) -> list[Silence]:
        """Return the silences in force, and write down what was heard since the last time.

        Args:
            desk: Remembers them over a restart.
            now: Unix ns.
        """
        if self._source is not None and self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(self._source, self._stop), name="obs-alertmanager", daemon=True
            )
            self._thread.start()
        if self._is_new and self._answer is not None:
            self._is_new = False
            if self._answer != desk.silences.foreign():
                desk.silences.see(self._answer, now)
        if self._source is None and self._answer is None:
            # None is set since the start: what an earlier one said has no owner any more.
            self._answer, self._is_new = [], True
        return [silence for silence in desk.silences.foreign() if silence.until > now]

    def _run(self, source: Source, stop: threading.Event) -> None:
        pause, fault = source.every_seconds, ""
        while not stop.is_set():
            try:
                answer = asked(source)
                if stop.is_set():
                    return
                self._answer, self._is_new, self.state = answer, True, 1
                pause = source.every_seconds
                if fault:
                    self._log.info("alertmanager answers again")
                fault = ""
            except MirrorError as error:
                self.state = 0
                if str(error) != fault:
                    fault = str(error)
                    self._log.error("alertmanager tells no silences", why=fault)
                    self._say(
                        f"Alertmanager's silences are not known: {fault}; those it told last are in force."
                    )
                pause = min(MOST_SECONDS, pause * 2)
            stop.wait(pause)


def asked(source: Source) -> list[Silence]:
    """Return the silences that an Alertmanager has in force.

    Args:
        source: Which.

    Raises:
        MirrorError: If it does not answer as it should.
    """
    try:
        address, token = (filled(text, "alerts.alertmanager") for text in (source.address, source.token))
    except ChannelError as error:
        raise MirrorError(str(error)) from None
    silences = _get(address, token, "/api/v2/silences")
    # Asked second: whoever is silenced then is so by a silence of the first answer, or by a newer one.
    alerts = _get(
        address, token, "/api/v2/alerts?active=false&inhibited=false&unprocessed=false&silenced=true"
    )
    if not isinstance(silences, list) or not isinstance(alerts, list):
        raise MirrorError("it answers with something else than Alertmanager's lists")
    return read(silences, alerts)


def read(silences: Iterable[object], alerts: Iterable[object]) -> list[Silence]:
    """Return the silences in force; what cannot be read as one is left out.

    Args:
        silences: As `/api/v2/silences` gives them.
        alerts: As `/api/v2/alerts` gives those that are silenced.
    """
    held: dict[str, set[str]] = {}
    for alert in alerts:
        for key in _silenced_by(alert):
            held.setdefault(key, set()).add(of_alert(str(_of(alert).get("fingerprint", ""))))
    found = [_silence(_of(told), held) for told in silences]
    return sorted(filter(None, found), key=lambda silence: silence.key)[:MOST_SILENCES]


def _silence(told: Mapping[str, Any], held: Mapping[str, set[str]]) -> Silence | None:
    key = str(told.get("id") or "")[:64]
    until = _time(told.get("endsAt"))
    if not key or not until or _of(told.get("status")).get("state") != "active":
        return None
    matchers = [_matcher(_of(each)) for each in told.get("matchers") or ()]
    is_whole = bool(matchers) and None not in matchers
    return Silence(
        key=key,
        # One that cannot be understood whole silences only what Alertmanager says it does.
        matchers=tuple(filter(None, matchers)) if is_whole else (Matcher("?", "?"),),
        until=until,
        by=str(told.get("createdBy") or "")[:MOST_TEXT],
        why=str(told.get("comment") or "")[:MOST_TEXT],
        alerts=frozenset(held.get(key, ())),
        is_foreign=True,
    )


def _matcher(told: Mapping[str, Any]) -> Matcher | None:
    name, value = told.get("name"), told.get("value")
    if not isinstance(name, str) or not isinstance(value, str) or len(value) > MOST_TEXT:
        return None
    is_regex = bool(told.get("isRegex"))
    try:
        if is_regex:
            re.compile(value)
    except re.error:
        return None
    # Alertmanager before 0.22 told no `isEqual`.
    return Matcher(name, value, is_regex, told.get("isEqual") is not False)


def _silenced_by(alert: object) -> list[str]:
    keys = _of(_of(alert).get("status")).get("silencedBy")
    return [str(key) for key in keys] if isinstance(keys, list) else []


def _of(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What a token is meant for is not elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _get(address: str, token: str, path: str) -> Any:
    parts = urlsplit(address)
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/")))
    began = time.monotonic()
    try:
        request = urllib.request.Request(bare + path, headers=headers)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
            body = b""
            while part := answer.read1(65_536):
                body += part
                if len(body) > MOST_BYTES or time.monotonic() - began > 4 * TIMEOUT_SECONDS:
                    raise MirrorError("its answer is too long, or takes too long")
        return json.loads(body)
    except urllib.error.HTTPError as error:
        error.close()
        raise MirrorError(f"it answers HTTP {error.code}") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        late = isinstance(reason, TimeoutError)
        raise MirrorError("no answer in time" if late else "no connection") from None
    except ValueError:
        raise MirrorError("it answers with something else than JSON, or its address is none") from None


def _time(value: object) -> int:
    """Return Unix ns of a time as Go writes it; 0 for none."""
    try:
        moment = datetime.fromisoformat(str(value))
        return max(0, int(moment.timestamp() * 1_000_000) * 1_000) if moment.tzinfo else 0
    except (ValueError, OverflowError, OSError):
        return 0
