"""Sends messages: each key once, at the right hour, not too many, by a second channel when the first fails.

What becomes of a message is written into the outbox at each step, and told as an event: `notification.sent`,
or `notification.failed` for every channel that did not take it. A page whose answer is missing may have
arrived; it is never sent again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from trading.errors import TradingError
from trading.notify import wording
from trading.notify.channels import Channel, Receipt
from trading.notify.courier import Courier
from trading.notify.message import SEVERITIES, Message, Outcome
from trading.notify.outbox import Entry, Outbox
from trading.notify.pacing import HOUR_NS, Rules, cap_until, read_quiet_hours
from trading.notify.secret import read_secrets, struck_out

if TYPE_CHECKING:
    from trading.logs import BotLog
    from trading.settings import TradingSettings

__all__ = ["Notifier", "Rules", "open_notifier"]

_SECOND_NS = 1_000_000_000
_KEPT_NS = 180 * 24 * HOUR_NS
_GIVEN_UP_NS = 24 * HOUR_NS
_LATER_NS = 300 * _SECOND_NS


class Notifier:
    """The outbox, the channels and the rules between them; one for a process."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        *,
        log: BotLog,
        now: Callable[[], int],
        chain: Sequence[str] = (),
        rules: Rules | None = None,
        secrets: tuple[str, ...] = (),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.outbox = outbox
        self.channels = channels
        self._chain = tuple(chain) or tuple(channels)
        self._rules = rules or Rules()
        self._log = log
        self._now = now
        self._secrets = secrets
        self._courier = Courier(outbox, self._rules, log=log, now=now, sleep=sleep)

    def __repr__(self) -> str:
        return f"Notifier({', '.join(self._chain)})"

    def close(self) -> None:
        """Close the outbox."""
        self.outbox.close()

    def send(
        self, message: Message, *, channels: Sequence[str] = (), hold: bool = True, again: bool = False
    ) -> Outcome:
        """Send a message, or keep it for later, and say what became of it.

        What waits in the outbox and is due goes out first. A message whose key was given before is not sent
        again unless it failed: the outcome then tells what became of it.

        Args:
            message: What to send.
            channels: In the order in which they are tried; those of the settings when empty.
            hold: False: neither quiet hours nor the cap hold it back.
            again: Send it though its key was given before.

        Raises:
            TradingError: If a channel is unknown, or the outbox cannot be written.
        """
        chain = self._known(channels or self._chain)
        message = self._clean(message)
        with self.outbox.turn():
            self._take_up()
            known = self.outbox.named(message.key)
            if known is not None:
                if known.state != "failed" and not again:
                    return _outcome(known)._replace(duplicate=True)
                self.outbox.release(message.key, known.id)
            number = self.outbox.add(message, chain, self._now())
            held = self._held(self.outbox.entry(number)) if hold else None
            return held or self._deliver(self.outbox.entry(number))

    def flush(self) -> list[Outcome]:
        """Send what waits and is due: held messages as one digest, the rest one by one."""
        with self.outbox.turn():
            return self._take_up()

    def again(self, key: str) -> Outcome:
        """Send the message of that key once more, whatever became of it.

        Raises:
            TradingError: If the outbox knows no such key.
        """
        known = self.outbox.named(key)
        if known is None:
            raise TradingError(
                f'{self.outbox.path}: no message has the key "{key}". `notify status` lists them.'
            )
        return self.send(known.message, channels=known.channels, hold=False, again=True)

    # What waits

    def _take_up(self) -> list[Outcome]:
        now = self._now()
        for entry, channel in self.outbox.orphans(now):
            if _is_error(entry.message) and channel != entry.channels[-1]:
                # Better twice than never: the next channel gets it below, and this silence is told there.
                self.outbox.settle(entry.id, "queued", now, due_ns=entry.due_ns)
                continue
            self._courier.tell_failure(
                entry.message, channel, Receipt("unknown", "", wording.INTERRUPTED), 0.0
            )
        self.outbox.forget(now - _KEPT_NS)
        due = self.outbox.entries("queued", due_ns=now)
        if self._rules.quiet is not None and self._rules.quiet.until(now) is not None:
            due = [entry for entry in due if not entry.reason or self._is_urgent(entry.message)]
        held: dict[tuple[str, ...], list[Entry]] = {}
        for entry in due:
            if entry.reason in ("quiet", "cap"):
                held.setdefault(entry.channels, []).append(entry)
        for channels, members in held.items():
            if len(members) > 1:
                due = [entry for entry in due if entry not in members]
                due.append(self._folded(members, channels, now))
        return [self._deliver(entry) for entry in due]

    def _folded(self, members: list[Entry], channels: tuple[str, ...], now_ns: int) -> Entry:
        made = [entry.made_ns for entry in members]
        digest = wording.digest([entry.message for entry in members], made, self._rules.zone)
        return self.outbox.entry(self.outbox.fold([entry.id for entry in members], digest, channels, now_ns))

    def _is_urgent(self, message: Message) -> bool:
        return SEVERITIES.index(message.severity) >= SEVERITIES.index(self._rules.urgent)

    def _held(self, entry: Entry) -> Outcome | None:
        now, reason, is_urgent = self._now(), "quiet", self._is_urgent(entry.message)
        until = self._rules.quiet.until(now) if self._rules.quiet and not is_urgent else None
        if until is None:
            sent = self.outbox.sent_at(entry.channels[0], now - HOUR_NS)
            until, reason = cap_until(sent, now, self._rules.per_hour, entry.message.severity), "cap"
        if until is None:
            return None
        self.outbox.settle(entry.id, "queued", now, reason=reason, due_ns=until)
        self._log.line(
            "notification", 20, "%s waits (%s): %s", entry.message.kind, reason, entry.message.title
        )
        return _outcome(self.outbox.entry(entry.id))

    # Delivery

    def _deliver(self, entry: Entry) -> Outcome:
        self.outbox.settle(entry.id, "sending", self._now())
        told: list[str] = []
        last, is_temporary = Receipt("refused", "invalid", "no channel"), False
        name = ""
        for name in entry.channels:
            if name not in self.channels:
                told.append(wording.gone(name))
                continue
            message = wording.by_another(entry.message, told) if told else entry.message
            passed = self._courier.carry(entry.id, message, self.channels[name])
            last = passed.receipt
            if passed.verdict == "taken":
                return self._settled(entry.id, "sent", name, last, told)
            told.append(f"{name}: {last.detail or last.error_type}")
            if passed.verdict == "unknown" and not _is_error(message):
                # It may be there already: small news is not worth telling twice.
                return self._settled(entry.id, "unknown", name, last, told)
            is_temporary |= passed.verdict == "again"
            is_unknown = passed.verdict == "unknown"
            if is_unknown and name == entry.channels[-1]:
                return self._settled(entry.id, "unknown", name, last, told)
        if is_temporary and self._now() - entry.made_ns < _GIVEN_UP_NS:
            wait_ns = max(_LATER_NS, int((last.wait_s or 0) * _SECOND_NS))
            due = self._now() + wait_ns
            return self._settled(entry.id, "queued", name, last, told, reason="retry", due_ns=due)
        return self._settled(entry.id, "failed", name, last, told)

    def _settled(
        self,
        number: int,
        state: str,
        channel: str,
        receipt: Receipt,
        told: Sequence[str],
        *,
        reason: str = "",
        due_ns: int | None = None,
    ) -> Outcome:
        error_type = receipt.error_type
        detail = "; ".join(told) or receipt.detail
        self.outbox.settle(
            number,
            state,  # type: ignore[arg-type]
            self._now(),
            reason=reason,
            due_ns=due_ns,
            channel=channel,
            error_type=error_type,
            detail=detail,
        )
        return _outcome(self.outbox.entry(number))

    def _known(self, names: Sequence[str]) -> tuple[str, ...]:
        for name in names:
            if name not in self.channels:
                there = ", ".join(self.channels)
                raise TradingError(f'No channel is called "{name}". The secret file has: {there}.')
        return tuple(dict.fromkeys(names))

    def _clean(self, message: Message) -> Message:
        # Half a surrogate pair could neither be written down nor sent.
        texts = {
            name: struck_out(getattr(message, name), self._secrets).encode("utf-8", "replace").decode()
            for name in ("key", "title", "body", "short", "cause")
        }
        texts["title"] = " ".join(texts["title"].split()) or message.kind
        return msgspec.structs.replace(message, **texts)


def open_notifier(
    settings: TradingSettings,
    *,
    log: BotLog,
    now: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Notifier:
    """Return a notifier by the settings: channels of the secret file, outbox in the store's folder.

    Args:
        settings: `[notify]` and `[paths] store`.
        log: Under whose name it speaks.
        now: The time, ns since 1970 UTC.
        sleep: Waits between tries.

    Raises:
        TradingError: If the secret file, the settings or the outbox cannot be used (`SecretError`,
            `MissingExtraError`, `OutboxError`).
    """
    from trading.notify.posting import posts_of

    chosen = settings.notify
    try:
        zone = ZoneInfo(chosen.zone)
    except (KeyError, ValueError, OSError) as error:
        raise TradingError(
            f'[notify] zone = "{chosen.zone}" is no time zone. Write "Asia/Seoul", say.'
        ) from error
    for name in ("per_hour", "tries", "timeout_s"):
        if not getattr(chosen, name) > 0:
            raise TradingError(f"[notify] {name} = {getattr(chosen, name)} is not above 0. Write at least 1.")
    rules = Rules(
        quiet=read_quiet_hours(chosen.quiet_hours, zone),
        zone=zone,
        urgent=chosen.urgent,
        per_hour=chosen.per_hour,
        tries=chosen.tries,
        patience_s=chosen.patience_s,
    )
    secrets = read_secrets(Path(chosen.secret))
    posts = posts_of(secrets, timeout_s=chosen.timeout_s)
    notifier = Notifier(
        Outbox(Path(settings.paths.store)),
        posts,
        log=log,
        now=now,
        chain=chosen.channels,
        rules=rules,
        secrets=secrets.values,
        sleep=sleep,
    )
    notifier._known(notifier._chain)
    return notifier


def _outcome(entry: Entry) -> Outcome:
    return Outcome(
        state=entry.state,
        channel=entry.channel,
        error_type=entry.error_type,
        detail=entry.detail,
        due_ns=entry.due_ns if entry.state == "queued" else 0,
        reason=entry.reason,
    )


def _is_error(message: Message) -> bool:
    return SEVERITIES.index(message.severity) >= SEVERITIES.index("error")
