"""Spans as events: calls of models, requests to exchanges, exceptions, words of the vocabulary, and the rest.

A span is told when it has ended, with the time it took. An exception that rises through several spans of a
trace is one, also when the bot has logged it beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from obs import vocabulary
from obs.books import LLM_CALL
from obs.events import MAX_TIMESTAMP_NS, Event, ExceptionInfo, Severity
from obs.otlp import genai
from obs.otlp.content import without_content
from obs.otlp.logs import exception_of, text_of
from obs.otlp.rows import Owner, SpanEvent, SpanRow, identity

__all__ = ["events_of", "raised"]

CLIENT = 3
_METHODS = ("http.request.method", "http.method")
_REQUEST = {
    "http.response.status_code": ("http.status_code",),
    "server.address": ("net.peer.name", "net.host.name", "http.host", "peer.service"),
    "http.route": ("url.template", "http.target", "url.path"),
    "retry.count": ("http.request.resend_count", "http.resend_count"),
}
"""Our name -> what others call the same."""


def raised(trace_id: str, exception: ExceptionInfo) -> str:
    """Return the id of an exception within its trace."""
    return identity(f"exception {trace_id} {exception.type} {exception.message}")


def events_of(row: SpanRow, owner: Owner, now: int) -> Iterator[Event]:
    """Yield what a span tells.

    Args:
        row: The span.
        owner: Who speaks.
        now: Unix ns, when it came.
    """
    telling = _Telling(row, owner, now)
    has_raised = False
    for said in row.events:
        attributes = without_content(said.attributes)
        exception = exception_of(attributes)
        if exception is not None:
            has_raised = True
            yield telling.exception(said, attributes, exception)
        elif said.name in vocabulary.events():
            yield telling.word(said, attributes)
    yield telling.span(is_told=has_raised)


class _Telling:
    """One span and who speaks."""

    def __init__(self, row: SpanRow, owner: Owner, now: int) -> None:
        self.row, self.owner, self.now = row, owner, now
        self.given = {**owner.attributes, **row.attributes}

    def exception(self, said: SpanEvent, attributes: dict[str, Any], exception: ExceptionInfo) -> Event:
        return self._event(
            said.time,
            Severity.ERROR,
            body=f"{self.row.name}: {exception.type}: {exception.message}",
            attributes={**self._marks(), **attributes},
            exception=exception,
            uid=raised(self.row.trace_id, exception) if self.row.trace_id else "",
        )

    def word(self, said: SpanEvent, attributes: dict[str, Any]) -> Event:
        return self._event(
            said.time,
            Severity.INFO,
            body=said.name,
            event_name=said.name,
            attributes={**self._marks(), **attributes},
            uid=text_of(attributes.get("log.record.uid")),
        )

    def span(self, *, is_told: bool) -> Event:
        """What the span itself says; `is_told`: its exception has been told."""
        if genai.is_call(self.given):
            return self._call()
        if self.row.kind == CLIENT and any(key in self.given for key in _METHODS):
            return self._request()
        attributes = without_content(self.given) | {"duration_ms": self._duration()}
        if self.row.name in vocabulary.events():
            return self._ended(
                Severity.WARN if self.row.is_error else Severity.INFO,
                self.row.name,
                attributes,
                self.row.name,
            )
        if self.row.is_error and not is_told:
            why = f": {self.row.message}" if self.row.message else ""
            # It rises as exceptions do.
            uid = (
                identity(f"failed {self.row.trace_id} {self.row.message}")
                if self.row.trace_id and why
                else ""
            )
            return self._ended(Severity.ERROR, f"{self.row.name} failed{why}", attributes, uid=uid)
        return self._ended(
            Severity.DEBUG,
            f"{self.row.name} took {self._duration():g} ms",
            attributes,
            template=f"{self.row.name} took %s ms",
        )

    def _call(self) -> Event:
        attributes = genai.call_of(self.given)
        call = genai.identity_of(attributes, self.row.trace_id, self.row.span_id)
        uid = identity(call) if self.row.trace_id else ""
        attributes["duration_ms"] = self._duration()
        self._mark_error(attributes)
        model = attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model") or "a model"
        tokens = [attributes.get(f"gen_ai.usage.{way}_tokens", "?") for way in ("input", "output")]
        failed = f" failed: {attributes['error.type']}" if self.row.is_error else ""
        return self._ended(
            Severity.WARN if self.row.is_error else Severity.INFO,
            f"{attributes['gen_ai.operation.name']} {model}: {tokens[0]} tokens in, {tokens[1]} out{failed}",
            attributes,
            LLM_CALL,
            uid=uid,
        )

    def _request(self) -> Event:
        attributes = {
            key: value
            for key, value in without_content(self.given).items()
            # Addresses carry signatures and keys behind their question mark.
            if key not in ("url.full", "url.query", "http.url", "http.target")
        }
        address = urlsplit(text_of(self.given.get("url.full") or self.given.get("http.url")))
        for name, others in _REQUEST.items():
            value = next(
                (self.given[key] for key in (name, *others) if self.given.get(key) is not None), None
            )
            if value is not None:
                attributes[name] = value
        attributes.setdefault("server.address", address.hostname or "")
        route = text_of(attributes.get("http.route") or address.path)
        attributes["http.route"] = route.partition("?")[0]
        attributes["duration_ms"] = self._duration()
        self._mark_error(attributes)
        method = next(text_of(self.given[key]) for key in _METHODS if key in self.given)
        status = attributes.get("http.response.status_code", attributes.get("error.type", "?"))
        failed = bool(attributes.get("error.type")) or (isinstance(status, int) and status >= 400)
        return self._ended(
            Severity.WARN if failed else Severity.DEBUG,
            f"{method} {attributes['server.address']}{attributes['http.route']} {status}",
            {key: value for key, value in attributes.items() if value != ""},
            "api.requested",
        )

    def _ended(
        self,
        severity: Severity,
        body: str,
        attributes: dict[str, Any],
        event_name: str = "",
        *,
        template: str = "",
        uid: str = "",
    ) -> Event:
        return self._event(
            self.row.end or self.row.start,
            severity,
            body=body,
            template=template,
            event_name=event_name,
            attributes=attributes,
            uid=text_of(attributes.get("log.record.uid")) or uid,
        )

    def _event(self, time: int, severity: Severity, *, attributes: dict[str, Any], **said: Any) -> Event:
        return Event(
            timestamp=time if 0 < time <= MAX_TIMESTAMP_NS else 0,
            observed_timestamp=self.now,
            severity=severity,
            logger=self.owner.scope,
            attributes=attributes,
            resource=self.owner.resource,
            trace_id=self.row.trace_id,
            span_id=self.row.span_id,
            **said,
        )

    def _marks(self) -> dict[str, Any]:
        """What the span says that holds for all within it: whose it is, and which part of the bot."""
        names = ("bot.id", "strategy.name", "run.mode", "account.id", "component", "symbol", "decision.id")
        return {key: self.given[key] for key in names if key in self.given}

    def _duration(self) -> float:
        """Milliseconds; 0 where the clock went back."""
        return round(max(0, self.row.end - self.row.start) / 1e6, 3) if self.row.start else 0.0

    def _mark_error(self, attributes: dict[str, Any]) -> None:
        if not self.row.is_error or attributes.get("error.type"):
            return
        names = (text_of(said.attributes.get("exception.type")) for said in self.row.events)
        attributes["error.type"] = next(filter(None, names), self.row.message or "error")
