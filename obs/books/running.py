"""What a bot says of its own running: states, heartbeats, signals, data, settings, its process."""

from __future__ import annotations

from obs.books.facts import MAX_ENTRIES, BotFacts, Register, note, put, tally
from obs.events import Event
from obs.series import Series

__all__ = ["decision", "feed", "gate", "heartbeat", "process", "request", "settings", "signal", "state"]


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


def request(bot: BotFacts, event: Event, register: Register) -> None:
    symbol = str(register.values.get("symbol") or "")
    if symbol in bot.requests or len(bot.requests) < MAX_ENTRIES:
        bot.requests.setdefault(symbol, Series()).add(event.time)


def settings(bot: BotFacts, event: Event, register: Register) -> None:
    put(bot.settings, "", register)


def process(bot: BotFacts, event: Event, register: Register) -> None:
    bot.process.put(register)
