"""How what is sent should look: resource, limits, batches, sampling, and the kinds of metrics.

Read from OpenTelemetry's variables. As its specification wants it, a value that cannot be read is ignored and
said; it never keeps anything from being sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar
from urllib.parse import unquote

import msgspec

__all__ = ["Limits", "Shape", "is_sampled", "shape_of"]

Temporality = Literal["cumulative", "delta", "lowmemory"]
Exemplars = Literal["always_on", "always_off", "trace_based"]
Chosen = TypeVar("Chosen", bound=str)
MOST_BATCH = 10_000
MOST_LIMIT = 2**31 - 1
EXPLICIT, EXPONENTIAL = "explicit_bucket_histogram", "base2_exponential_bucket_histogram"
_OF_A_TRACE = 64
"""Bits of a trace's id that decide whether it is sampled, as in OpenTelemetry's own kits."""


class Limits(msgspec.Struct, frozen=True):
    """Bounds of attributes; None: only those of our own."""

    count: int | None = None
    length: int | None = None
    """Characters of a text."""


class Shape(msgspec.Struct, frozen=True):
    """How what is sent should look."""

    resource: Mapping[str, str] = {}
    """Beside all that is sent; what a bot says of itself comes first."""
    service: str = ""
    """The name under which the sidecar's own metrics come; empty: `obs`."""
    limits: Mapping[str, Limits] = {}
    batches: Mapping[str, int] = {}
    """Signal -> records in one request."""
    sampled: float = 1.0
    """The part of all traces that is sent, 0 to 1."""
    temporality: Temporality = "cumulative"
    is_exponential: bool = False
    """Whether histograms are sent as exponential ones."""
    exemplars: Exemplars = "always_on"


def is_sampled(trace: str, part: float) -> bool:
    """Whether a trace belongs to the part that is sent: all its spans alike, at any time and place.

    Args:
        trace: Its id, 32 hex digits.
        part: Of all traces, 0 to 1.
    """
    return part >= 1 or int(trace[-16:], 16) < round(part * (1 << _OF_A_TRACE))


def shape_of(environment: Mapping[str, str], said: Callable[[str], None]) -> Shape:
    """Return how the variables want it.

    Args:
        environment: Variables.
        said: Takes a sentence for each value that cannot be read, and is ignored.
    """
    told = _Told(environment, said)
    resource = _resource(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""), said)
    named = resource.pop("service.name", "")
    for one in [name for name in resource if name.startswith(("service.version", "service.instance"))]:
        # Of the process that has them: the sidecar is none of the bots.
        del resource[one]
    batches = {
        "logs": told.number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 1, MOST_BATCH),
        "traces": told.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, MOST_BATCH),
    }
    return Shape(
        resource=resource,
        service=environment.get("OTEL_SERVICE_NAME", "").strip() or named,
        limits={"logs": told.limits("LOGRECORD"), "traces": told.limits("SPAN")},
        batches={signal: size for signal, size in batches.items() if size is not None},
        sampled=_sampled(told),
        temporality=told.choice(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", ("cumulative", "delta", "lowmemory")
        ),
        is_exponential=told.choice(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", (EXPLICIT, EXPONENTIAL)
        )
        == EXPONENTIAL,
        exemplars=told.choice("OTEL_METRICS_EXEMPLAR_FILTER", ("always_on", "always_off", "trace_based")),
    )


class _Told:
    """Reads variables; what cannot be read is as if it were not set."""

    def __init__(self, environment: Mapping[str, str], said: Callable[[str], None]) -> None:
        self._environment, self._said = environment, said

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def ignored(self, name: str, mend: str) -> None:
        self._said(f"{name} = {json.dumps(self.text(name)[:40])} is ignored: write {mend}")

    def choice(self, name: str, of: tuple[Chosen, ...]) -> Chosen:
        """Return one of these; the first when nothing is said."""
        text = self.text(name).lower()
        for one in of:
            if one == text:
                return one
        if text:
            self.ignored(name, " or ".join(of))
        return of[0]

    def number(self, name: str, least: int, most: int) -> int | None:
        text = self.text(name)
        if not text:
            return None
        if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most:
            return int(text)
        self.ignored(name, f"a whole number from {least} to {most}")
        return None

    def limits(self, kind: str) -> Limits:
        def of(word: str) -> int | None:
            own = self.number(f"OTEL_{kind}_ATTRIBUTE_{word}_LIMIT", 0, MOST_LIMIT)
            return own if own is not None else self.number(f"OTEL_ATTRIBUTE_{word}_LIMIT", 0, MOST_LIMIT)

        return Limits(of("COUNT"), of("VALUE_LENGTH"))


def _sampled(told: _Told) -> float:
    name, argument = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
    kinds = ("always_on", "always_off", "traceidratio")
    # Traces begin here, so what their parent would say is never asked.
    kind = told.choice(name, (*kinds, *(f"parentbased_{kind}" for kind in kinds)))
    kind = kind.removeprefix("parentbased_")
    if kind != "traceidratio":
        return 0.0 if kind == "always_off" else 1.0
    try:
        part = float(told.text(argument) or 1)
    except ValueError:
        part = -1.0
    if 0 <= part <= 1:
        return part
    told.ignored(argument, "a number from 0 to 1")
    return 1.0


def _resource(text: str, said: Callable[[str], None]) -> dict[str, str]:
    """Read `key=value,key=value`, percent-encoded; one that is wrong makes all of it void, as specified."""
    made: dict[str, str] = {}
    for part in text.split(","):
        key, sign, value = part.partition("=")
        if not part.strip():
            continue
        if not sign or not key.strip():
            said("OTEL_RESOURCE_ATTRIBUTES is ignored: write name=value, with commas between")
            return {}
        made[unquote(key).strip()] = unquote(value).strip().strip('"')
    return made
