"""Who is shown a picture and when: the files, the page, whoever asks; one picture serves all of a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from obs.keeping.intake import Onlooker
from obs.keeping.outlet import Outlet
from obs.snapshot import Snapshot

__all__ = ["Audience", "Showing"]

STALE_NS = 250_000_000
"""A picture that is older is taken anew even when nothing was added: silence is news as well."""


class Audience(Protocol):
    """Whoever is shown each new picture; it decides how often it wants one."""

    @property
    def onlooker(self) -> Onlooker | None:
        """Who wants to see the events themselves."""

    def is_due(self, *, changed: bool) -> bool:
        """Whether a picture should be taken now."""

    def show(self, take: Callable[[], Snapshot], *, fault: str, pending_bytes: int) -> None:
        """Take a picture and show it."""

    def stored(self) -> None:
        """Know that all that was shown so far is stored."""


class Showing:
    """Holds the picture of what is known now, until something is added to it."""

    def __init__(
        self,
        take: Callable[[], Snapshot],
        outlet: Outlet,
        audience: Audience | None,
        clock: Callable[[], int],
    ) -> None:
        """Show nothing yet.

        Args:
            take: Takes a picture.
            outlet: Writes the files.
            audience: Is shown each new picture beside them.
            clock: Unix ns now.
        """
        self.outlet, self.audience = outlet, audience
        self._take, self._clock = take, clock
        self._taken: Snapshot | None = None
        self._is_unshown = self._is_undrawn = True

    def touch(self) -> None:
        """Know that what is known is no longer what was shown."""
        self._is_undrawn = self._is_unshown = True
        self._taken = None

    def picture(self) -> Snapshot:
        """Return the picture of this moment, taken once for all who show it."""
        if self._taken is None or self._clock() - self._taken.taken_at > STALE_NS:
            self._taken = self._take()
        return self._taken

    @property
    def is_audience_due(self) -> bool:
        """Whether the audience wants a picture now."""
        return self.audience is not None and self.audience.is_due(changed=self._is_unshown)

    @property
    def is_drawing_due(self) -> bool:
        """Whether the files should be written now."""
        return self.outlet.is_due(changed=self._is_undrawn)

    def show(self, *, fault: str, pending_bytes: int) -> None:
        """Show the audience, if there is one, the picture of this moment.

        Args:
            fault: What keeps us from storing or showing.
            pending_bytes: So many wait to be read.

        Raises:
            Exception: Whatever goes wrong there.
        """
        if self.audience is None:
            return
        self._is_unshown = False
        self.audience.show(self.picture, fault=fault, pending_bytes=pending_bytes)

    def stored(self) -> None:
        """Let the audience know that what was shown is stored."""
        if self.audience is not None:
            self.audience.stored()

    def draw(self, ends: frozenset[str]) -> bool:
        """Write the files, with a page for each service that has ended; tell whether all went well."""
        self._is_undrawn = not self.outlet.draw(self.picture, ends)
        return not self._is_undrawn
