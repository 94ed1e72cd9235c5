"""Settings: arguments, then environment, then `obs.toml` or `[tool.obs]`, then defaults, as one frozen tree.

Every field has a default and a description, from which the documentation is made; unknown keys are errors.
Each value's origin is kept, so that `obs config` can say where it came from.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = ["ConfigError", "Effective", "Settings", "load"]

FILE = "obs.toml"


class ConfigError(ValueError):
    """Settings that cannot be used; the message names the place, the value and the mend."""


class Settings(BaseSettings):
    """Everything the sidecar and the command line can be told."""

    model_config = SettingsConfigDict(
        env_prefix="OBS_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    dir: Path = Field(Path(".obs"), description="Folder of the spool, the database and the written views.")
    service: str = Field("", description="Name of the bot, where its records do not say.")
    timezone: str = Field("UTC", description="Zone in which times without one are read, e.g. `Asia/Seoul`.")
    budget: int = Field(2000, ge=50, le=1_000_000, description="Most tokens of a briefing.")
    lang: str = Field("en", pattern="^(en|ko)$", description="Language of briefings: `en` or `ko`.")
    host: str = Field("127.0.0.1", description="Address the sidecar listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the sidecar listens on; 0 takes a free one.")
    rules: tuple[Path, ...] = Field((), description="Rule packs of your own: TOML files or folders of them.")
    templates: Path | None = Field(
        None, description="Folder of templates that replace ours of the same name."
    )
    follow: tuple[str, ...] = Field((), description="Log files or globs the sidecar follows.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone: write an IANA name, e.g. UTC or Asia/Seoul") from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` gathers counts, as it must know where each value came from."""
        return (init_settings,)


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
        settings = Settings(**{**from_file, **from_environment, **given})
    except ValidationError as error:
        raise ConfigError(_explained(error, origins)) from None
    return Effective(settings, {key: origins[key] for key in Settings.model_fields})


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


def _explained(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    place = origins.get(key, FILE)
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return f"{place}: {key}: no such setting: use one of {known}"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {key} = {first['input']!r}: {message[:1].lower()}{message[1:]}"
