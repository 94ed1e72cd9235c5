"""What a report is made of before it is Markdown or HTML: sections of figures, tables, charts and remarks.

Both forms are written from the same page, so they cannot say different things. Every text here is plain;
whoever writes the page escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "Cell", "Column", "Figures", "Page", "Picture", "Remark", "Section", "Table", "Tone"]

Tone = Literal["", "gain", "loss", "warn", "dim"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure or text, and how it is meant."""

    text: str
    tone: Tone = ""
    strength: float = 0.0
    """0..1: how strongly the tone colours the whole cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column."""

    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side, each with its name."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; without rows its `empty` is said instead."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, drawn for a wide window and for a phone."""

    name: str
    """Of its file: letters, digits and hyphens."""
    title: str
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence."""

    text: str
    tone: Tone = ""


Block = Figures | Table | Picture | Remark


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; without blocks it is left out."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A report."""

    language: str
    title: str
    lead: tuple[str, ...]
    """Lines under the title: the date that everything is of, and what it is about."""
    sections: tuple[Section, ...]
    foot: tuple[str, ...]
