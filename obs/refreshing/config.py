"""How the data pipeline works: the five settings of `PipelineConfig` and the folder of its history."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

__all__ = ["LEAST_SECONDS", "MOST_FILES", "MOST_MINUTES", "MOST_SECONDS", "PipelineConfig"]

LEAST_SECONDS = 0.01
MOST_SECONDS = 31 * 86_400.0
MOST_MINUTES = 31 * 1_440.0
MOST_FILES = 100_000


class PipelineConfig(msgspec.Struct, frozen=True):
    """The settings of a `DashboardDataPipeline`; replaced as a whole, also while it runs.

    Raises:
        ValueError: If a value is out of its range.
        TypeError: If a value is of another type.
    """

    update_interval_seconds: float = 300.0
    """Seconds between two updates; fractions are allowed."""
    cache_duration_minutes: float = 5.0
    """How old a record may be and still answer `metrics()`; 0 computes each time."""
    enable_real_time_updates: bool = True
    """Whether the background cycle updates by itself; without it only `refresh` does."""
    export_to_file: bool = True
    """Whether each update is written as one JSON file."""
    max_cache_files: int = 100
    """How many of these files stay; the oldest go."""
    cache_directory: Path | None = None
    """Folder of these files; `dashboards/history` in the pipeline's directory when None."""

    def __post_init__(self) -> None:
        _number("update_interval_seconds", self.update_interval_seconds, LEAST_SECONDS, MOST_SECONDS)
        _number("cache_duration_minutes", self.cache_duration_minutes, 0, MOST_MINUTES)
        _switch("enable_real_time_updates", self.enable_real_time_updates)
        _switch("export_to_file", self.export_to_file)
        if not isinstance(self.max_cache_files, int):
            raise TypeError(f"max_cache_files = {self.max_cache_files!r}: is no whole number")
        _number("max_cache_files", self.max_cache_files, 1, MOST_FILES)


def _number(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} = {value!r}: is no number")
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{name} = {value!r}: is out of range: use {least:g} to {most:g}")


def _switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} = {value!r}: use True or False")
