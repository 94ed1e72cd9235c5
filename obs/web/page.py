"""The whole live page as data: a pure function of the Snapshot and of who reads it."""

from __future__ import annotations

from obs import __version__
from obs.quoting import plain
from obs.snapshot import Snapshot
from obs.web.funnel import funnels
from obs.web.model import Bot, Page
from obs.web.numbers import ms
from obs.web.observer import observer
from obs.web.reader import Reader
from obs.web.rows import issues, worst
from obs.web.verdicts import title, verdict

__all__ = ["page"]


def page(snapshot: Snapshot, *, lang: str = "en", bot: str = "", since: int = 0, zone: str = "UTC") -> Page:
    """Return everything the live page shows.

    Args:
        snapshot: The picture, its prose in English.
        lang: `en` or `ko`.
        bot: Show one bot alone; empty shows all.
        since: Unix ms at which the reader looked last; 0: the last 12 hours.
        zone: IANA name of the time zone in which times are shown.

    Raises:
        ValueError: If the language is none of ours.
    """
    reader = Reader(lang, zone, snapshot.taken_at)
    shown = verdict(snapshot, reader)
    return Page(
        taken_at=ms(snapshot.taken_at),
        version=__version__,
        lang=lang,
        zone=reader.zone_name,
        offset_minutes=reader.offset_minutes,
        live=snapshot.live,
        title=title(shown),
        verdict=shown,
        bots=tuple(_bot(name, snapshot, reader) for name in snapshot.bots),
        issues=issues(snapshot, reader),
        funnel=funnels(snapshot, reader),
        observer=observer(snapshot, reader),
    )


def _bot(name: str, snapshot: Snapshot, reader: Reader) -> Bot:
    mark = worst(one for one in snapshot.issues if name in one.services)
    return Bot(name=plain(name), mark=mark)
