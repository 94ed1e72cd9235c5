"""Where telemetry goes: the settings `[otlp]`, and OpenTelemetry's own environment variables.

What the settings say comes first. Nothing is sent anywhere until one of them names an endpoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from obs.events import Severity, severity_of
from obs.exporting.shaping import Shape, shape_of
from obs.exporting.variables import SIGNALS, names_of, unheard
from obs.otlp.grpc_library import SERVICES
from obs.spooling.sizes import bytes_of

if TYPE_CHECKING:
    from obs.config import Otlp

__all__ = [
    "SIGNALS",
    "Destination",
    "DestinationError",
    "Route",
    "check_address",
    "destination",
    "server_of",
]

HTTP, GRPC = "http/protobuf", "grpc"
_LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1", "0.0.0.0", "::"))


class DestinationError(ValueError):
    """An address or variable that cannot be used; the message names it and the mend."""


class Route(msgspec.Struct, frozen=True):
    """Where one signal goes."""

    url: str
    """Of gRPC too: its path is the method."""
    is_grpc: bool = False
    headers: Mapping[str, str] = {}
    timeout: float = 10.0
    """Seconds for one request, whole."""
    gzip: bool = True
    certificate: str = ""
    """File of the authorities that are trusted; empty: those of this machine."""
    client_certificate: str = ""
    """File of our own certificate; empty: none."""
    client_key: str = ""
    """File of its key; empty: it stands in the certificate's file."""


class Destination(msgspec.Struct, frozen=True):
    """Where everything goes."""

    routes: Mapping[str, Route]
    """Signal -> route; a signal without one is not sent."""
    level: Severity = Severity.INFO
    """Least severity of log records."""
    queue_bytes: int = 64 << 20
    """Of what waits on disk, each of logs and traces."""
    interval: float = 60.0
    """Seconds between two sets of metrics."""
    shape: Shape = Shape()
    """How it should look."""
    unheard: tuple[str, ...] = ()
    """What the variables ask for and is not done, a sentence each: to be said once."""

    def leads_to(self, url: str) -> bool:
        """Whether any signal goes to the server of an address."""
        return any(server_of(route.url) == server_of(url) for route in self.routes.values())


def server_of(url: str) -> tuple[str, int]:
    """Return host and port of an address; all names of this machine's loopback are one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return ("loopback" if host in _LOOPBACK else host), parts.port or (443 if parts.scheme == "https" else 80)


def destination(settings: Otlp, environment: Mapping[str, str] = os.environ) -> Destination | None:
    """Return where telemetry goes; None when nobody has said so.

    Args:
        settings: The table `[otlp]`.
        environment: Variables.

    Raises:
        DestinationError: If an address, header or number cannot be used.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" and not settings.endpoint:
        return None
    routes = {
        signal: route for signal in SIGNALS if (route := _route(signal, settings, environment)) is not None
    }
    if not routes:
        return None
    interval = _number(environment, "OTEL_METRIC_EXPORT_INTERVAL", 60_000) / 1_000
    said = unheard(environment)
    shape = shape_of(environment, said.append)
    return Destination(
        routes,
        level=severity_of(settings.level),
        queue_bytes=bytes_of(settings.queue),
        interval=max(1.0, settings.interval_s or interval),
        shape=shape,
        unheard=tuple(dict.fromkeys((*said, *_unsent(environment)))),
    )


def _unsent(environment: Mapping[str, str]) -> Iterator[str]:
    for signal in SIGNALS:
        name = f"OTEL_{signal.upper()}_EXPORTER"
        if environment.get(name, "").strip().lower() not in ("", "otlp", "none"):
            yield f"{name} names no exporter of ours: write otlp or none"
    for name in names_of("OTEL_EXPORTER_OTLP_COMPRESSION"):
        if environment.get(name, "").strip().lower() not in ("", "gzip", "none"):
            yield f"{name} names no compression of ours, so gzip is used: write gzip or none"
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() not in ("", "true", "false"):
        yield "OTEL_SDK_DISABLED is neither true nor false, so it is false"


def _route(signal: str, settings: Otlp, environment: Mapping[str, str]) -> Route | None:
    if signal not in settings.signals:
        return None
    exporter = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower()
    if not settings.endpoint and exporter not in ("", "otlp"):
        return None
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_"

    def told(name: str) -> str:
        return environment.get(f"{own}{name}") or environment.get(f"OTEL_EXPORTER_OTLP_{name}") or ""

    # Who names the endpoint names the protocol: a variable may be meant for a bot and its collector.
    protocol = settings.protocol or ("" if settings.endpoint else told("PROTOCOL").strip()) or HTTP
    if protocol not in (HTTP, GRPC):
        raise DestinationError(f"{own}PROTOCOL: {protocol} is not spoken here: write {HTTP} or {GRPC}")
    url = _address(signal, settings, environment)
    if not url:
        return None
    if protocol == GRPC and "://" not in url:
        url = f"{'http' if told('INSECURE').strip().lower() == 'true' else 'https'}://{url}"
    check_address(url, "endpoint" if settings.endpoint else "")
    if protocol == GRPC:
        parts = urlsplit(url)
        url = f"{parts.scheme}://{parts.netloc}{SERVICES[signal]}"
    certificate = settings.client_certificate or told("CLIENT_CERTIFICATE")
    key = settings.client_key or told("CLIENT_KEY")
    if key and not certificate:
        raise DestinationError(
            f"{own}CLIENT_KEY: a key without its certificate: name {own}CLIENT_CERTIFICATE"
        )
    name = f"{own}TIMEOUT" if f"{own}TIMEOUT" in environment else "OTEL_EXPORTER_OTLP_TIMEOUT"
    if signal == "metrics" and not environment.get(name, "").strip():
        name = "OTEL_METRIC_EXPORT_TIMEOUT"
    timeout = _number(environment, name, 10_000) / 1_000
    return Route(
        url,
        is_grpc=protocol == GRPC,
        headers={name: said.get_secret_value() for name, said in settings.headers.items()}
        or _headers(told("HEADERS")),
        timeout=max(0.1, settings.timeout_s or timeout),
        gzip=told("COMPRESSION").strip().lower() != "none",
        certificate=settings.certificate or told("CERTIFICATE"),
        client_certificate=certificate,
        client_key=key,
    )


def _address(signal: str, settings: Otlp, environment: Mapping[str, str]) -> str:
    own = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
    if own and not settings.endpoint:
        return own
    base = settings.endpoint or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    return f"{base.rstrip('/')}/v1/{signal}" if base else ""


def check_address(url: str, place: str) -> None:
    """Refuse what is no address of a server.

    Raises:
        DestinationError: If it is none; the address itself is not repeated, as it may hold a password.
    """
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or any(sign in url for sign in " \r\n@"):
        raise DestinationError(
            f"{place or 'OTEL_EXPORTER_OTLP_ENDPOINT'} is no address: write http://HOST:PORT; "
            "a password goes into headers"
        )


def _headers(text: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for part in text.split(","):
        key, sign, value = part.partition("=")
        if not part.strip():
            continue
        name, said = unquote(key).strip(), unquote(value).strip()
        if (
            not sign
            or not name.isascii()
            or not name.replace("-", "").replace("_", "").isalnum()
            or not (said.isascii() and said.isprintable())
        ):
            raise DestinationError("OTEL_EXPORTER_OTLP_HEADERS: write name=value, with commas between")
        made[name] = said
    return made


def _number(environment: Mapping[str, str], name: str, default: int) -> float:
    told = environment.get(name, "").strip()
    if not told:
        return default
    try:
        number = float(told)
    except ValueError:
        number = -1.0
    if not 0 < number < 1e9:
        raise DestinationError(f"{name} = {told!r}: write milliseconds, e.g. {default}")
    return number
