"""The whole page."""

from __future__ import annotations

import msgspec

from obs.web.model.around import Observer, Outside
from obs.web.model.front import Bot, Changes, Exposure, Figure, Rhythm, Verdict
from obs.web.model.issues import Issues
from obs.web.model.money import Agents, Funnel, LlmCost, Pnl
from obs.web.model.text import Mark

__all__ = ["Page"]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page; the stream sends it in full once, then the sections that changed."""

    taken_at: int
    """Unix ms of the Snapshot."""
    version: str
    lang: str
    zone: str
    """Short name of the time zone in which times are shown: `KST`."""
    offset_minutes: int = 0
    """Its distance from UTC."""
    live: bool = True
    title: str = ""
    """Of the tab: the verdict in one line."""
    verdict: Verdict
    figures: tuple[Figure, ...] = ()
    exposure: tuple[Exposure, ...] = ()
    bots: tuple[Bot, ...] = ()
    issues: Issues = Issues()
    changes: Changes = Changes(0)
    rhythm: Rhythm = Rhythm()
    pnl: Pnl = Pnl()
    llm: LlmCost = LlmCost()
    agents: Agents = Agents()
    funnel: tuple[Funnel, ...] = ()
    """All bots first, then each."""
    observer: Observer = Observer(mark=Mark.UNKNOWN)
    outside: Outside = Outside()
