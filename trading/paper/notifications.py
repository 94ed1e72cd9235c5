"""Messages to the operator. The paper messenger delivers nowhere; it can refuse like the real one."""

from __future__ import annotations

from dataclasses import dataclass

from trading.logs import BotLog, Value
from trading.paper.clock import Clock
from trading.paper.faults import FaultPlan

__all__ = ["Notifier"]


class MessageRefusedError(Exception):
    """The messenger did not take the message."""


@dataclass
class Notifier:
    """Sends a bot's messages, three tries each."""

    bot_id: str
    clock: Clock
    log: BotLog
    faults: FaultPlan
    channel: str = "telegram"

    def send(self, text: str, *, tries: int = 3) -> None:
        """Send a message; a refused one is tried again each 30 s."""
        try:
            self._post(text)
        except MessageRefusedError as error:
            about: dict[str, Value] = {
                "channel": self.channel,
                "duration_ms": 200,
                "error.type": "rate_limit",
            }
            self.log.event("notification.failed", about, "%s: %s", self.channel, error)
            if tries > 1:
                self.clock.after(30, lambda: self.send(text, tries=tries - 1))
            return
        self.log.event("notification.sent", {"channel": self.channel, "duration_ms": 200}, "%s", text)

    def _post(self, text: str) -> None:
        if self.faults.is_message_refused(self.bot_id, self.clock.elapsed):
            raise MessageRefusedError("429 Too Many Requests")
