"""Arguments, then environment, then `obs.toml` or `[tool.obs]`, then defaults: read, joined and checked."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from obs.config.faults import FILE, ConfigError, explained
from obs.config.opentelemetry import Otlp
from obs.config.settings import Settings

__all__ = ["Effective", "load", "placed"]


class Effective(msgspec.Struct, frozen=True):
    """The settings in force and where each came from."""

    settings: Settings
    origins: Mapping[str, str]
    """Field -> `default`, `environment OBS_PORT`, `obs.toml`, `argument`."""


def load(arguments: Mapping[str, Any] | None = None, *, folder: Path | None = None) -> Effective:
    """Return the effective settings.

    Args:
        arguments: What the caller was told, by field; None values count as not given.
        folder: Where `obs.toml` or `pyproject.toml` is looked for; the working directory when None.

    Raises:
        ConfigError: If a file cannot be read or a value is wrong.
    """
    place, from_file = _file(folder or Path.cwd())
    from_environment = _environment()
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    origins = dict.fromkeys(Settings.model_fields, "default")
    origins.update(dict.fromkeys(from_file, place))
    origins.update({key: f"environment {_variable(key)}" for key in from_environment})
    origins.update(dict.fromkeys(given, "argument"))
    try:
        settings = Settings(**_joined(from_file, from_environment, given))
    except ValidationError as error:
        raise ConfigError(explained(error, origins)) from None
    return Effective(settings, {key: origins[key] for key in Settings.model_fields})


def placed(settings: Settings, folder: Path) -> Settings:
    """Return settings whose paths mean the same in every working directory: those of a folder's own file."""
    return settings.model_copy(
        update={
            "dir": folder / settings.dir,
            "rules": tuple(folder / path for path in settings.rules),
            "templates": folder / settings.templates if settings.templates else None,
            "calendars": folder / settings.calendars if settings.calendars else None,
            "prices": folder / settings.prices if settings.prices else None,
            "otlp": _otlp_placed(settings.otlp, folder),
            "follow": tuple(path if path == "-" else str(folder / path) for path in settings.follow),
        }
    )


def _otlp_placed(told: Otlp, folder: Path) -> Otlp:
    names = ("certificate", "client_certificate", "client_key")
    return told.model_copy(
        update={name: str(folder / file) for name in names if (file := getattr(told, name))}
    )


def _joined(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """The layers as one, later ones first in force; of a table each key by itself."""
    joined: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            known = joined.get(key)
            both = isinstance(known, dict) and isinstance(value, dict)
            joined[key] = {**known, **value} if both and known is not None else value
    return joined


def _environment() -> dict[str, Any]:
    found = EnvSettingsSource(Settings)()
    named = os.environ.get("OTEL_SERVICE_NAME")
    if named and "service" not in found:
        found["service"] = named
    return {key: value for key, value in found.items() if key in Settings.model_fields}


def _variable(key: str) -> str:
    if key == "service" and "OBS_SERVICE" not in os.environ:
        return "OTEL_SERVICE_NAME"
    return f"OBS_{key.upper()}"


def _file(folder: Path) -> tuple[str, dict[str, Any]]:
    own = folder / FILE
    if own.is_file():
        return FILE, _toml(own)
    project = folder / "pyproject.toml"
    if project.is_file():
        try:
            table = _toml(project).get("tool", {}).get("obs", {})
        except ConfigError:
            return FILE, {}  # a broken pyproject.toml is not ours to complain about
        return "pyproject.toml [tool.obs]", dict(table)
    return FILE, {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): make it readable or remove it"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}: mend that place, or remove the file") from None
