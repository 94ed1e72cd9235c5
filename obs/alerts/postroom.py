"""Messages on their way: handed to the couriers when they are due, and what became of each written down."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from obs.alerts import wording
from obs.alerts.couriers import Couriers
from obs.alerts.desk import FAR_NS, Delivery, Desk
from obs.alerts.fitting import Form, as_sms, cut
from obs.alerts.folding import channel_fails, channel_works
from obs.alerts.hearing import Receipt
from obs.alerts.plan import SECOND_NS, Plan, room_at
from obs.alerts.wording import Note
from obs.events import Event
from obs.journal import Journal, journal
from obs.snapshot import IssueSeverity

__all__ = ["Postroom"]

BACKOFF_SECONDS = (2, 8, 30)
"""Before the second, third and fourth try; then another channel takes it."""
LATER_SECONDS = 300
"""Between two tries after that, where no other channel can carry it."""
MOST_TRIES = 24 * 3600 // LATER_SECONDS
"""For about a day."""
PATIENCE_SECONDS = 60.0
"""A service that asks for a longer pause is not waited for where another channel can carry the message."""
TOLD_AGAIN_NS = 600 * SECOND_NS
"""While a channel fails, the fold is told so again after so long."""
SEVERITIES = tuple(IssueSeverity)


class Postroom:
    """Everything that is under way; used by the alerter's thread."""

    def __init__(
        self,
        couriers: Couriers,
        *,
        say: Callable[[str], None] = lambda _: None,
        tell: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], int] = time.time_ns,
        log: Journal | None = None,
    ) -> None:
        """Make one.

        Args:
            couriers: Carry the messages.
            say: Told in one sentence when a message reached nobody.
            tell: Takes events about channels that fail, and that work again.
            clock: Unix ns now.
            log: Where it is written down.
        """
        self._couriers, self._say, self._tell, self._clock = couriers, say, tell, clock
        self._log = log if log is not None else journal("alerts")
        self._out: dict[str, Delivery] = {}
        self._told: dict[str, str] = {}

    def take_up(self, desk: Desk, plan: Plan) -> None:
        """Deal with what an earlier process was sending when it ended: whether it arrived is not known."""
        for delivery in desk.interrupted():
            self._deal_with(desk, plan, delivery, Receipt("unknown", "the sidecar ended meanwhile"))

    def room_at(self, desk: Desk, plan: Plan, channel: str, severity: IssueSeverity, now: int) -> int:
        """Return Unix ns at which a channel may carry one more message of a severity."""
        return room_at(desk.sent_at(channel), now, plan.per_hour, urgent=plan.is_urgent(severity))

    def send(self, desk: Desk, plan: Plan) -> None:
        """Hand over what is due, one message for each channel that is free."""
        for delivery in desk.due(self._clock()):
            if self._couriers.is_free(delivery.channel):
                self._hand(desk, plan, delivery)

    def receive(self, desk: Desk, plan: Plan) -> None:
        """Write down what the couriers came back with, and tell the fold of channels that fail."""
        for channel, receipt in self._couriers.receipts():
            self._deal_with(desk, plan, self._out.pop(channel), receipt)
        self._tell_of_channels(desk)

    def _hand(self, desk: Desk, plan: Plan, delivery: Delivery) -> None:
        now = self._clock()
        blocked = desk.channels.of(delivery.channel).blocked
        if now < blocked <= now + FAR_NS:
            desk.put_off(delivery, blocked, now, "the service asks to wait")
            return
        room = self.room_at(desk, plan, delivery.channel, SEVERITIES[delivery.severity], now)
        if room > now:
            desk.put_off(delivery, room, now, "the channel's limit")
            return
        title, text = _written(delivery, plan, self._couriers.form(delivery.channel))
        desk.sends(delivery, now)
        sent = delivery._replace(tries=delivery.tries + 1)
        at_once = self._couriers.hand(delivery.channel, title, text, _tone(delivery))
        if at_once is not None:
            self._deal_with(desk, plan, sent, at_once)
        else:
            self._out[delivery.channel] = sent

    def _deal_with(self, desk: Desk, plan: Plan, delivery: Delivery, receipt: Receipt) -> None:
        now = self._clock()
        if receipt.verdict == "taken":
            desk.settle(delivery, "sent", now, "")
            self._log.info("alert sent", channel=delivery.channel, message=delivery.message)
            return
        self._log.error(
            "alert not taken", channel=delivery.channel, message=delivery.message, why=receipt.why
        )
        others = [
            name for name in plan.fallbacks(msgspec.json.decode(delivery.routes)) if name != delivery.channel
        ]
        if receipt.wait_seconds:
            desk.channels.block(delivery.channel, now + int(receipt.wait_seconds * SECOND_NS))
        may_wait = receipt.wait_seconds <= PATIENCE_SECONDS or not others
        if receipt.verdict == "again" and delivery.tries <= len(BACKOFF_SECONDS) and may_wait:
            pause = max(BACKOFF_SECONDS[max(0, delivery.tries - 1)], receipt.wait_seconds)
            due = now + int(pause * SECOND_NS)
            desk.put_off(delivery, due, now, receipt.why, repeat=receipt.is_partly)
            return
        if receipt.verdict == "again" and not others and delivery.tries <= MOST_TRIES:
            # Nobody else can carry it: an outage of an hour must not cost the message.
            self._keep_trying(desk, delivery, receipt, now)
            return
        is_unknown = receipt.verdict == "unknown"
        if is_unknown and not others and not delivery.is_repeat:
            # Nobody else can be asked: rather twice and said than perhaps not at all.
            desk.put_off(delivery, now + BACKOFF_SECONDS[0] * SECOND_NS, now, receipt.why, repeat=True)
            return
        state = "unknown" if is_unknown else "failed"
        if not desk.settle(delivery, state, now, receipt.why, others):
            self._say(
                f"Whether alert message {delivery.message} was read is not known: channel {delivery.channel} "
                f"failed ({receipt.why}); `obs alert status` tells."
            )

    def _keep_trying(self, desk: Desk, delivery: Delivery, receipt: Receipt, now: int) -> None:
        pause = max(LATER_SECONDS, receipt.wait_seconds)
        due = now + int(pause * SECOND_NS)
        with desk.at_once():
            desk.put_off(delivery, due, now, receipt.why, repeat=receipt.is_partly)
            desk.channels.fails(delivery.channel, now, receipt.why)
        if delivery.tries == len(BACKOFF_SECONDS) + 1:
            self._say(
                f"Alert message {delivery.message} waits: channel {delivery.channel} failed ({receipt.why}); "
                "it is tried again for a day; `obs alert status` tells."
            )

    def _tell_of_channels(self, desk: Desk) -> None:
        """Make it an issue that a channel fails, and its end that it works again; anew after a restart."""
        now = self._clock()
        for name, standing in desk.channels.all().items():
            if standing.failing:
                event = channel_fails(name, standing.failing, standing.why, now, TOLD_AGAIN_NS)
            elif standing.works:
                event = channel_works(name, standing.works)
            else:
                continue
            if self._told.get(name) != event.uid:
                self._told[name] = event.uid
                self._tell(event)


def _tone(delivery: Delivery) -> str:
    notes = msgspec.json.decode(delivery.notes, type=list[Note]) if delivery.notes else []
    if notes and all(wording.is_over(note) for note in notes):
        return "success"
    return ("info", "warning", "failure", "failure")[delivery.severity]


def _written(delivery: Delivery, plan: Plan, form: Form) -> tuple[str, str]:
    """Return title and text as the channel takes them, with what is to be known of their way before them."""
    title, text = delivery.title, delivery.body
    marks = ""
    if delivery.is_repeat:
        marks = wording.repeated(marks, plan.lang)
    if delivery.instead_of:
        marks = wording.instead(marks, plan.lang, delivery.instead_of, perhaps=delivery.is_perhaps)
    if delivery.notes:
        notes = msgspec.json.decode(delivery.notes, type=list[Note])
        left = form._replace(limit=max(20, form.limit - len(marks.encode("utf-8"))))
        title, text = wording.message(notes, lang=plan.lang, zone=plan.zone, form=left)
    elif form.is_sms:
        title, text = "", as_sms(f"{title}\n{text}")
    return title, cut((as_sms(marks) if form.is_sms else marks) + text, form)
