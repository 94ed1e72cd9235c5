"""What each bot did, counted: heartbeats, data, entries and exits with what stopped them, calls, messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from obs.books import BotFacts, Calls, Thing, decimal
from obs.quoting import plain

__all__ = ["amount", "clock", "facts", "number", "times_open", "waiting"]

CALL_ROWS = 4
"""So many paths outside are told, those that failed most first."""
_ENDS = ("order.filled", "order.canceled", "order.expired", "order.rejected", "order.denied")

PAUSES = ("global_pair_lock",)
"""Gates that stand before any signal."""
WAITING = ("order.submitted", "order.accepted", "order.confirmed")
"""The last word of an order that is not known to be done."""


def facts(bots: Mapping[str, BotFacts]) -> Iterable[tuple[str, str, str]]:
    """Return the rows of the health table: what, as seen, and as expected where that is known."""
    rows = []
    for name, bot in bots.items():
        label = f"{plain(name)} " if len(bots) > 1 else ""
        for what, seen, expected in _rows(bot):
            rows.append((f"{label}{what}", seen, expected))
    return rows


def _rows(bot: BotFacts) -> Iterator[tuple[str, str, str]]:
    if bot.heartbeats.count:
        yield "heartbeats", _beats(bot), ""
    if bot.requests:
        count = sum(series.count for series in bot.requests.values())
        last = max(series.last for series in bot.requests.values())
        failed = sum(c.failed.count for name, c in bot.calls.items() if name.endswith("candle_history"))
        tries = f", {failed} tries failed" if failed else ""
        yield "candles", f"{count} downloads, {len(bot.requests)} pairs, last {clock(last)}{tries}", ""
    if bot.order_outcomes or bot.signals or bot.exits or bot.gates:
        if (
            bot.signals
            or bot.exits
            or bot.gates
            or any(o.values.get("order.slot") for o in bot.orders.values())
        ):
            yield "entries", _entries(bot), ""
            yield "exits", _exits(bot), ""
        else:
            outcomes = sorted(bot.order_outcomes.items())
            yield "orders", ", ".join(f"{n} {plain(kind.removeprefix('order.'))}" for kind, n in outcomes), ""
    worst = sorted(bot.calls.items(), key=lambda i: (-i[1].failed.count, -i[1].ok.count, i[0]))
    for where, calls in worst[:CALL_ROWS]:
        yield f"calls {plain(where)}", _answers(bot, calls), "0 failed"
    for channel, messages in sorted(bot.notifications.items()):
        arrived = f"{messages.ok.count} arrived" if messages.ok.count else "none known to have arrived"
        lost, all_told = messages.failed.count, messages.failed.count + messages.ok.count
        yield f"messages {plain(channel)}", f"{lost} of {all_told} lost, {arrived}", "0 lost"
    if settings := _settings(bot):
        yield "settings", settings, ""


def _beats(bot: BotFacts) -> str:
    beats = bot.heartbeats
    state = plain(bot.heartbeat.values.get("bot.state") or "")
    last = f"last {clock(bot.heartbeat.time)} {state}".strip()
    usual, missing = bot.beats.rhythm()
    if not usual:
        return f"{beats.count}, {last}"
    each = f"one each {usual / 1e9:.0f} s"
    if beats.count > len(bot.beats.times):
        newest = f"{len(bot.beats.times)} of the newest {len(bot.beats.times) + missing}"
        return f"{beats.count:,} ({newest}), {each}, {last}"
    return f"{beats.count} of {beats.count + missing}, {each}, {last}"


def _entries(bot: BotFacts) -> str:
    outcomes = bot.order_outcomes
    text = f"{bot.signals} signals → {outcomes.get('order.submitted', 0)} orders"
    ends = [
        f"{outcomes.get('order.filled', 0)} filled",
        f"{outcomes.get('order.canceled', 0)} cancelled" + _limit(bot),
        *(f"{outcomes[key]} {key[6:]}" for key in ("order.expired",) if outcomes.get(key)),
        f"{sum(times_open(o) for o in waiting(bot) if o.values.get('order.slot') != 'exit')} open",
    ]
    text += f" → {', '.join(ends)}" if outcomes.get("order.submitted") else ""
    refused = [
        f"{outcomes[key]} {key[6:]}" for key in ("order.denied", "order.rejected") if outcomes.get(key)
    ]
    gates = sorted(bot.gates.items(), key=lambda item: (-item[1], item[0]))
    refused += [f"{count} by {plain(gate)}" for gate, count in gates if gate not in PAUSES]
    text += f"; stopped: {', '.join(refused)}" if refused else ""
    # A lock of everything stops the search, not a signal: nobody knows how many there would have been.
    paused = [f"{plain(gate)} ({count}×)" for gate, count in gates if gate in PAUSES]
    return text + (f"; no search for entries under {', '.join(paused)}" if paused else "")


def _limit(bot: BotFacts) -> str:
    """That all orders were canceled for their age, and at which, when the bot told it."""
    if set(bot.cancels) != {"timeout"}:
        return ""
    told = [settings.values for settings in bot.settings.values()]
    age = next((v for values in told if (v := decimal(values.get("order.timeout"))) is not None), None)
    unit = next((str(values.get("order.timeout_unit") or "") for values in told), "")
    seconds = age * 60 if age is not None and unit == "minutes" else age
    return f" at the {number(seconds)} s limit" if seconds is not None else " at the time limit"


def _exits(bot: BotFacts) -> str:
    outcomes = bot.order_outcomes
    text = f"{bot.exits} signals"
    if outcomes.get("exit.submitted") or outcomes.get("exit.filled"):
        text += f" → {outcomes.get('exit.submitted', 0)} orders → {outcomes.get('exit.filled', 0)} filled"
    words = (("canceled", "cancelled"), ("rejected", "refused"), ("denied", "denied by the strategy"))
    others = [f", {outcomes[f'exit.{kind}']} {word}" for kind, word in words if outcomes.get(f"exit.{kind}")]
    return text + "".join(others)


def _settings(bot: BotFacts) -> str:
    """What it was told to do, as far as it printed it."""
    told: dict[str, object] = {}
    for settings in bot.settings.values():
        told |= settings.values
    parts = [plain(told.get(name) or "") for name in ("strategy.name", "exchange.name", "timeframe")]
    limit, stake = decimal(told.get("positions.limit")), told.get("stake.amount")
    if limit is not None and limit > 0:
        parts.append(f"at most {number(limit)} trades")
    if stake:
        parts.append(f"stake {plain(stake)} {plain(told.get('stake.currency') or '')}".strip())
    ratio = decimal(told.get("stop.ratio"))
    if ratio is not None:
        trailing = ", trailing" if str(told.get("stop.trailing")) == "True" else ""
        parts.append(f"stop {number(ratio * 100)} %{trailing}")
    return ", ".join(part for part in parts if part)


def _answers(bot: BotFacts, calls: Calls) -> str:
    if not calls.failed.count:
        return f"{calls.ok.count} good, 0 failed"
    # A program that tells only its failures leaves the good ones to the library below it.
    text = (
        f"{calls.ok.count} good, {calls.failed.count} failed"
        if calls.ok.count
        else f"{calls.failed.count} failed, 0 seen to succeed"
    )
    reasons = ", ".join(f"{plain(r)} {n}×" for r, n in sorted(calls.reasons.items())[:3] if r != "error")
    text += f" ({reasons})" if reasons else ""
    text += f" {clock(calls.failed.first)}–{clock(calls.failed.last)}"
    good = max(other.ok.last for other in bot.calls.values())
    if not good:
        return text
    if good < calls.failed.first:
        return f"{text}, none good since {clock(good)}"
    return text + (f", last good {clock(good)}" if good < calls.failed.last else ", good again")


def waiting(bot: BotFacts) -> list[Thing]:
    """Return the orders that are not known to be filled, canceled or refused."""
    return [order for _, order in sorted(bot.orders.items()) if order.last.name in WAITING]


def times_open(order: Thing) -> int:
    """Return how many orders an entry stands for: a program that names no order has one entry per pair."""
    if not order.values.get("order.slot"):
        return 1
    ended = sum(order.said.get(name, 0) for name in _ENDS)
    return max(order.said.get("order.submitted", 0) - ended, 1)


def clock(time: int) -> str:
    """Return the time of day, UTC, of Unix ns."""
    return (
        datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%H:%M:%S") if time else "an unknown time"
    )


def number(value: Decimal | None, places: int | None = None) -> str:
    """Return a number with a true minus; without trailing zeros unless `places` are asked for."""
    if value is None:
        return "an unknown amount of"
    if places is not None:
        value = round(value, places)
        return f"{value:,f}".replace("-", "−")
    return f"{value.normalize():f}".replace("-", "−")


def amount(value: Decimal) -> str:
    """Return money with two places, or four digits of what is below one: a coin's fractions are money too."""
    if abs(value) >= 1 or not value:
        return number(value, 2)
    return number(Decimal(f"{value:.4g}"))
