"""What a bot says of its own running: states, heartbeats, signals, data, settings, its process."""

from __future__ import annotations

from obs.books.facts import MAX_ENTRIES, BotFacts, Register, note, put, tally
from obs.events import Event, Severity
from obs.series import Series

__all__ = [
    "checked",
    "decision",
    "feed",
    "gate",
    "heartbeat",
    "is_for_rules",
    "process",
    "request",
    "settings",
]
__all__ += ["signal", "state"]


def state(bot: BotFacts, event: Event, register: Register) -> None:
    bot.state.put(register)
    if register.values.get("bot.state") == "stopping":
        bot.ending.put(register)
    if event.attributes.get("bot.program"):
        bot.program.put(register)


def heartbeat(bot: BotFacts, event: Event, register: Register) -> None:
    bot.heartbeats.add(event.time)
    bot.beats.add(event.time)
    bot.heartbeat.put(register)


def signal(bot: BotFacts, event: Event, register: Register) -> None:
    if register.values.get("signal.action") == "exit":
        bot.exits += 1
    else:
        bot.signals += 1
        note(bot, "signal", event.time)


def gate(bot: BotFacts, event: Event, register: Register) -> None:
    name = str(register.values.get("filter") or register.values.get("reason") or "unknown")
    tally(bot.gates, name)
    note(bot, f"filter {name}", event.time, register)


def decision(bot: BotFacts, event: Event, register: Register) -> None:
    bot.decisions += 1
    note(bot, "decision", event.time)


def feed(bot: BotFacts, event: Event, register: Register) -> None:
    key = f"{event.event_name} {register.values.get('symbol') or ''}".strip()
    if key in bot.feeds or len(bot.feeds) < MAX_ENTRIES:
        bot.feeds.setdefault(key, Series()).add(event.time)


def is_for_rules(event: Event) -> bool:
    """Whether a finding is of the way to the data: the text says more of it than the fault does."""
    return event.event_name == "data.checked" and (
        str(event.attributes.get("data.fault") or "") in ("", "login", "universe", "unreachable")
    )


def checked(bot: BotFacts, event: Event, register: Register) -> None:
    # At INFO it is old news, told for the record.
    if event.severity < Severity.WARN or is_for_rules(event):
        return
    values = register.values
    refused = "refused" if values.get("action") == "refused" else ""
    put(bot.faults, f"{values['data.fault']} {values.get('symbol') or ''} {refused}".strip(), register)


def request(bot: BotFacts, event: Event, register: Register) -> None:
    symbol = str(register.values.get("symbol") or "")
    if symbol in bot.requests or len(bot.requests) < MAX_ENTRIES:
        bot.requests.setdefault(symbol, Series()).add(event.time)


def settings(bot: BotFacts, event: Event, register: Register) -> None:
    put(bot.settings, "", register)


def process(bot: BotFacts, event: Event, register: Register) -> None:
    bot.process.put(register)
