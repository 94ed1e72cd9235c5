"""Couriers: one for each channel, so that a slow or hung one holds no other up.

Each carries one message at a time in a thread of its own. One that does not come back in time is given up as
not known; too many of those on one channel, and it is left alone until one of them ends.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from obs.alerts.channels import Channel, ChannelError
from obs.alerts.fitting import CHAT, Form
from obs.alerts.hearing import Receipt

__all__ = ["Couriers", "Makers"]

MOST_HUNG = 3
Makers = Mapping[str, Callable[[], Channel]]
"""Name -> makes the channel, or raises `ChannelError`."""


class _Errand(NamedTuple):
    number: int
    until: float
    """By the monotonic clock."""


class Couriers:
    """All channels; used by one thread."""

    def __init__(self, makers: Makers, *, woken: Callable[[], None] = lambda: None) -> None:
        """Make one for each channel when it is first needed.

        Args:
            makers: Of the channels.
            woken: Called from any thread when a receipt has come.
        """
        self._makers, self._woken = makers, woken
        self._channels: dict[str, Channel | str] = {}
        self._out: dict[str, _Errand] = {}
        self._hung: dict[str, set[int]] = {}
        self._back: queue.SimpleQueue[tuple[str, int, Receipt]] = queue.SimpleQueue()
        self._numbers = 0

    def adopt(self, makers: Makers) -> None:
        """Go on with other channels; what is on its way stays so."""
        self._makers, self._channels = makers, {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._out

    def is_free(self, channel: str) -> bool:
        """Whether a channel's courier is here."""
        return channel not in self._out

    def form(self, channel: str) -> Form:
        """Return what a channel takes."""
        found = self._channel(channel)
        return CHAT if isinstance(found, str) else found.form

    def hand(self, channel: str, title: str, text: str, tone: str = "info") -> Receipt | None:
        """Send a message on its way; return a receipt only when it is known at once.

        Args:
            channel: A free one.
            title: The title.
            text: Of its form.
            tone: As of `Channel.send`.
        """
        found = self._channel(channel)
        if isinstance(found, str):
            return Receipt("refused", found)
        if len(self._hung.get(channel, ())) >= MOST_HUNG:
            return Receipt("again", "earlier messages hang")
        self._numbers += 1
        number = self._numbers
        self._out[channel] = _Errand(number, time.monotonic() + found.deadline_seconds)
        thread = threading.Thread(
            target=self._carry,
            args=(found, number, title, text, tone),
            name=f"obs-alert-{channel}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError:
            del self._out[channel]
            return Receipt("again", "no thread can be started")
        return None

    def receipts(self) -> list[tuple[str, Receipt]]:
        """Return what came back of each channel's errand, those given up included."""
        found: list[tuple[str, Receipt]] = []
        while not self._back.empty():
            channel, number, receipt = self._back.get_nowait()
            self._hung.get(channel, set()).discard(number)
            if (errand := self._out.get(channel)) is not None and errand.number == number:
                del self._out[channel]
                found.append((channel, receipt))
        now = time.monotonic()
        for channel, errand in list(self._out.items()):
            if now >= errand.until:
                del self._out[channel]
                self._hung.setdefault(channel, set()).add(errand.number)
                found.append((channel, Receipt("unknown", "no answer in time")))
        return found

    def _carry(self, channel: Channel, number: int, title: str, text: str, tone: str) -> None:
        receipt = Receipt("unknown", "the service's plugin failed")
        try:
            receipt = channel.send(title, text, tone)
        finally:
            self._back.put((channel.name, number, receipt))
            self._woken()

    def _channel(self, name: str) -> Channel | str:
        """Return a channel, or why there is none."""
        if name not in self._channels:
            try:
                self._channels[name] = self._makers[name]()
            except KeyError:
                self._channels[name] = "the settings no longer name this channel"
            except ChannelError as error:
                self._channels[name] = str(error)
        return self._channels[name]
