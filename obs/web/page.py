"""The whole live page as data: a pure function of the Snapshot and of who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from obs import __version__
from obs.money.figures import RealTimeMetrics
from obs.quoting import plain
from obs.snapshot import Snapshot
from obs.web.agents import agents
from obs.web.changes import changes, looked_at
from obs.web.charts import llm, pnl
from obs.web.exposure import exposures, figures
from obs.web.funnel import funnels
from obs.web.model import Bot, Figure, LlmCost, Mark, Page, Pnl
from obs.web.numbers import ms
from obs.web.observer import observer
from obs.web.outside import Facts, outside
from obs.web.reader import Reader
from obs.web.rhythm import mode, rhythm
from obs.web.rows import by_bot, issues
from obs.web.scope import scoped
from obs.web.verdicts import title, verdict

__all__ = ["page"]

MOST_BOTS = 50
T = TypeVar("T", Pnl, LlmCost)


def page(
    snapshot: Snapshot,
    *,
    lang: str = "en",
    bot: str = "",
    since: int = 0,
    zone: str = "UTC",
    tokens: int = 0,
    money: RealTimeMetrics | None = None,
    facts: Facts | None = None,
) -> Page:
    """Return everything the live page shows.

    Args:
        snapshot: The picture, its prose in English.
        lang: `en` or `ko`.
        bot: Show one bot alone; empty shows all.
        since: Unix ms at which the reader looked last; 0: the last 12 hours.
        zone: IANA name of the time zone in which times are shown.
        tokens: Of the briefing that can be copied, where somebody has counted them.
        money: What `bot` alone earned and spent, where somebody has counted it; else the page shows the
            figures of all bots and says so.
        facts: What leaves the observer and comes to it; None where nothing of it is set up.

    Raises:
        ValueError: If the language is none of ours.
    """
    reader = Reader(lang, zone, snapshot.taken_at)
    one, marks = scoped(snapshot, bot, money), by_bot(snapshot)
    is_of_all = bool(bot) and money is None and len(snapshot.bots) > 1
    shown = msgspec.structs.replace(verdict(one, reader), tokens=tokens)
    return Page(
        taken_at=ms(snapshot.taken_at),
        version=__version__,
        lang=lang,
        zone=reader.zone_name,
        offset_minutes=reader.offset_minutes,
        live=snapshot.live,
        title=title(shown),
        verdict=shown,
        figures=_figures(one, reader, is_of_all=is_of_all),
        exposure=exposures(one, reader),
        bots=_bots(snapshot, marks, reader),
        issues=issues(one, reader),
        changes=changes(one, reader, looked_at(snapshot, since)),
        rhythm=rhythm(one, marks, reader),
        pnl=_of_all(pnl(one, reader), reader) if is_of_all else pnl(one, reader),
        llm=_of_all(llm(one, reader), reader) if is_of_all else llm(one, reader),
        agents=agents(one, reader),
        funnel=funnels(one, reader),
        observer=observer(snapshot, reader),
        outside=outside(facts or Facts(), reader),
    )


def _figures(snapshot: Snapshot, reader: Reader, *, is_of_all: bool) -> tuple[Figure, ...]:
    made = figures(snapshot, reader)
    if not is_of_all:
        return made
    return tuple(
        msgspec.structs.replace(one, label=reader.say("figure.all_bots", label=one.label))
        if one.key in ("pnl", "llm")
        else one
        for one in made
    )


def _of_all(chart: T, reader: Reader) -> T:
    note = ", ".join(part for part in (chart.note, reader.say("figure.of_all")) if part)
    return msgspec.structs.replace(chart, note=note)


def _bots(snapshot: Snapshot, marks: Mapping[str, Mark], reader: Reader) -> tuple[Bot, ...]:
    """The bots of the top bar: always all of them, whichever is shown."""
    known = {bot.name: bot for bot in snapshot.standings}
    return tuple(
        Bot(
            name=plain(name),
            mark=marks.get(name, Mark.OK),
            mode=mode(known[name], reader) if name in known else "",
        )
        for name in snapshot.bots[:MOST_BOTS]
    )
