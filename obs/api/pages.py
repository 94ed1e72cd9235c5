"""The live page for all who look at it: made once for each version, language, bot and reading time.

A `Course` is one such page over time. It remembers at which turn each section last changed, so a viewer that
was slow gets what is different now and nothing in between: nobody has a queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from obs.api.board import Board, Picture
from obs.api.context import Context
from obs.api.envelope import ApiError, encoded
from obs.api.outside import Gatherer
from obs.journal import journal
from obs.money.figures import RealTimeMetrics
from obs.web.model import Page
from obs.web.outside import Facts
from obs.web.page import page
from obs.web.scope import named

__all__ = ["Course", "Pages", "View", "joined"]

KEPT = 32
"""Pages that are remembered, and courses that run."""
TURN_SECONDS = 0.25
"""Between two versions that viewers see."""


class View(msgspec.Struct, frozen=True):
    """Who looks at what."""

    lang: str = "en"
    bot: str = ""
    since: int = 0
    """Unix ms at which the reader looked last."""


Sections = dict[str, bytes]
"""Field of the page -> its JSON."""


class Pages:
    """Makes pages in a worker thread, each once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.outside = Gatherer(context)
        self._made: OrderedDict[tuple[int, View], asyncio.Task[Sections]] = OrderedDict()

    async def sections(self, picture: Picture, view: View) -> Sections:
        """Return a page's sections as JSON; of equal questions only the first makes it."""
        key = picture.version, view
        task = self._made.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._make(picture, view))
            self._made[key] = task
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        # One reader that goes away must not take the page from the others.
        return await asyncio.shield(task)

    def refresh(self) -> None:
        """Make pages anew, also of the same picture: something beside it was changed."""
        self.outside.forget()
        self._made.clear()

    async def _make(self, picture: Picture, view: View) -> Sections:
        context, money = self._context, None
        if view.bot and len(picture.snapshot.bots) > 1:
            # A fold that is busy costs the page these figures, not the page: it shows those of all then.
            with contextlib.suppress(ApiError):
                money = await context.desk.money_of(named(picture.snapshot, view.bot))
        zone, gather = context.settings.timezone, self.outside.facts
        return await context.offload(lambda: _sections(picture, view, zone, money, gather()))


def joined(sections: Sections) -> bytes:
    """Return sections as one JSON object."""
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), data) for name, data in sections.items()) + b"}"


class Course:
    """One view over time, for those who watch it."""

    def __init__(self, view: View, pages: Pages, board: Board) -> None:
        self.view = view
        self.turn = 0
        """Grows with each change; 0 until the first page is made."""
        self.taken_at = 0
        self.viewers: set[Callable[[], None]] = set()
        """Called at each change."""
        self.watched = 0
        """How many viewers there are."""
        self.fault = False
        """Whether the page could not be made."""
        self._pages, self._board = pages, board
        self._log = journal("api")
        self._sections: Sections = {}
        self._changed_at: dict[str, int] = {}

    @property
    def whole(self) -> bytes:
        """The page as it is now."""
        return joined(self._sections)

    def since(self, turn: int) -> bytes:
        """What is different from what it was at a turn: `{"taken_at", "changed"}`."""
        changed = {
            name: self._sections[name]
            for name, at in self._changed_at.items()
            if at > turn and name in self._sections
        }
        changed.pop("taken_at", None)
        return b'{"taken_at":%d,"changed":%s}' % (self.taken_at, joined(changed))

    async def run(self) -> None:
        """Follow the board until cancelled."""
        version = -1
        while True:
            began = time.monotonic()
            picture = self._board.picture
            if picture.version > version:
                version = picture.version
                await self._take(picture)
            await asyncio.sleep(max(0.0, TURN_SECONDS - (time.monotonic() - began)))
            await self._board.changed(version)

    async def _take(self, picture: Picture) -> None:
        try:
            sections = await self._pages.sections(picture, self.view)
        except Exception as error:  # noqa: BLE001 - a page that cannot be made costs itself; the next may be
            if not self.fault:
                self._log.error("the page cannot be made", kind=type(error).__name__)
            self.fault = True
            return
        self.fault = False
        changed = [name for name, data in sections.items() if self._sections.get(name) != data]
        self._sections = sections
        self.taken_at = picture.snapshot.taken_at // 1_000_000
        # The time of the picture alone is no news.
        if self.turn and changed in ([], ["taken_at"]):
            return
        self.turn += 1
        for name in changed:
            self._changed_at[name] = self.turn
        for tell in tuple(self.viewers):
            tell()


def _sections(
    picture: Picture, view: View, zone: str, money: RealTimeMetrics | None, facts: Facts
) -> Sections:
    made: Page = page(
        picture.snapshot,
        lang=view.lang,
        bot=view.bot,
        since=view.since,
        zone=zone,
        money=money,
        facts=facts,
    )
    return {name: encoded(getattr(made, name)) for name in made.__struct_fields__}
