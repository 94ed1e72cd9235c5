"""Finds the folders of definitions (templates, dashboards, Grafana files), installed or in a checkout."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

__all__ = ["definitions"]

KINDS = ("briefings", "dashboards", "grafana")


def definitions(kind: str) -> Traversable:
    """Return the folder of definitions of one kind: shipped in the package, or beside it in a checkout.

    Raises:
        KeyError: If `kind` is none of `briefings`, `dashboards`, `grafana`.
    """
    if kind not in KINDS:
        raise KeyError(f"no definitions of kind {kind!r}: use one of {', '.join(KINDS)}")
    shipped = files("obs") / "_definitions" / kind
    return shipped if shipped.is_dir() else Path(__file__).parents[1] / kind
