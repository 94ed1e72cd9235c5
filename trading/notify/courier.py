"""Carries one message to the recipients of one channel: page after page, each written down as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from trading.notify import wording
from trading.notify.channels import Channel, Receipt, pages
from trading.notify.message import Message
from trading.notify.outbox import Outbox, PageRow
from trading.notify.pacing import Rules, backoff_s

if TYPE_CHECKING:
    from trading.logs import BotLog, Value

__all__ = ["Carried", "Courier"]


class Carried(NamedTuple):
    """How a channel came through with a message."""

    verdict: str
    """As of a `Receipt`."""
    receipt: Receipt
    failed: int = 0
    """Recipients that were not reached, though others were."""


class Courier:
    """Hands pages over, tries again where that is safe, and tells how it went."""

    def __init__(
        self,
        outbox: Outbox,
        rules: Rules,
        *,
        log: BotLog,
        now: Callable[[], int],
        sleep: Callable[[float], None],
    ) -> None:
        self._outbox = outbox
        self._rules = rules
        self._log = log
        self._now = now
        self._sleep = sleep

    def carry(self, number: int, message: Message, channel: Channel) -> Carried:
        """Hand the message's pages to every recipient of a channel; what was handed over before is left out.

        Args:
            number: The message's id in the outbox.
            message: As this channel shall get it.
            channel: Which one.
        """
        name, began = channel.name, time.monotonic()
        texts = pages(message, channel.form)
        self._outbox.lay_out(number, name, channel.recipients, texts, self._now())
        results = [self._reach(number, message, channel, who) for who in range(channel.recipients)]
        spent_ms = (time.monotonic() - began) * 1000
        bad = [receipt for receipt in results if receipt.verdict != "taken"]
        for receipt in bad:
            self.tell_failure(message, name, receipt, spent_ms)
        if len(bad) == len(results):
            # What can still be done decides: another try, then a look, then nothing.
            worst = min(bad, key=lambda receipt: ("unknown", "again", "refused").index(receipt.verdict))
            return Carried(worst.verdict, worst)
        about: dict[str, Value] = {"channel": name, "duration_ms": round(spent_ms, 3)}
        self._log.event("notification.sent", about | _cause(message), "%s: %s", name, message.title)
        return Carried("taken", bad[0] if bad else Receipt("taken"), len(bad))

    def _reach(self, number: int, message: Message, channel: Channel, recipient: int) -> Receipt:
        receipt = Receipt("taken")
        rows = [row for row in self._outbox.pages(number, channel.name) if row.recipient == recipient]
        for place, row in enumerate(rows):
            if row.state == "sent":
                continue
            if row.state == "unknown":
                return Receipt("unknown", "", wording.INTERRUPTED)
            if place:
                self._sleep(self._rules.pause_s)
            receipt = self._hand_over(number, message, channel, row)
            if receipt.verdict != "taken":
                return receipt
        return receipt

    def _hand_over(self, number: int, message: Message, channel: Channel, row: PageRow) -> Receipt:
        for tries in range(1, self._rules.tries + 1):
            self._outbox.mark(number, channel.name, row, "sending", self._now())
            receipt = channel.deliver(row.recipient, message.title, row.text)
            if receipt.verdict != "again":
                break
            self._outbox.mark(number, channel.name, row, "queued", self._now())
            wait_s = backoff_s(tries, receipt.wait_s)
            if tries == self._rules.tries or wait_s > self._rules.patience_s:
                return receipt
            self._sleep(wait_s)
        states = {"taken": "sent", "refused": "failed", "unknown": "unknown"}
        self._outbox.mark(number, channel.name, row, states[receipt.verdict], self._now())  # type: ignore[arg-type]
        return receipt

    def tell_failure(self, message: Message, name: str, receipt: Receipt, spent_ms: float) -> None:
        """Say that a channel did not take a message, or that nobody knows."""
        about: dict[str, Value] = {
            "channel": name,
            "duration_ms": round(spent_ms, 3),
            "error.type": receipt.error_type or None,
        }
        words = (
            "%s did not take %s: %s" if receipt.verdict != "unknown" else "%s may have taken %s or not: %s"
        )
        text = words, name, message.title, receipt.detail or receipt.error_type
        self._log.event("notification.failed", about | _cause(message), *text)


def _cause(message: Message) -> dict[str, Value]:
    return {"cause.id": message.cause or None}
