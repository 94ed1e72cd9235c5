"""What is wrong with settings, in words that name the place, the value and the mend."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from obs.config.alerting import Alerts
from obs.config.opentelemetry import Otlp
from obs.config.settings import Settings
from obs.config.tables import Pipeline, Thresholds
from obs.keeping import store_address

__all__ = ["FILE", "ConfigError", "explained"]

FILE = "obs.toml"


class ConfigError(ValueError):
    """Settings that cannot be used; the message names the place, the value and the mend."""


_TABLES: Mapping[str, type[BaseModel]] = {
    "thresholds": Thresholds,
    "pipeline": Pipeline,
    "otlp": Otlp,
    "alerts": Alerts,
}


_SECRET = (["alerts"], ["token"], ["read_token"], ["otlp", "endpoint"], ["otlp", "headers"])
"""Where what stands may be a password, or an address that holds one: it is never repeated."""


def explained(error: ValidationError, origins: Mapping[str, str]) -> str:
    """Return what is wrong with the first wrong value; `origins` tells where each field came from."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    place = origins.get(path[0] if path else "", FILE)
    if first["type"] == "extra_forbidden":
        fields = _TABLES.get(path[0], Settings).model_fields if len(path) > 1 else Settings.model_fields
        known = ", ".join(fields)
        return f"{place}: {key}: no such setting: use one of {known}"
    message = str(first["msg"]).removeprefix("Value error, ")
    if path[:1] in _SECRET or path[:2] in _SECRET:
        return f"{place}: {key}: {message[:1].lower()}{message[1:]}"
    if key == "store":
        return f"{place}: store = {store_address.shown(str(first['input']))!r}: {message}"
    return f"{place}: {key} = {first['input']!r}: {message[:1].lower()}{message[1:]}"
