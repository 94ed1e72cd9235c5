"""What a reader asks besides the issues: which bots, what money, may I restart, what is not known.

Derived from `State` and the issues when a Snapshot is made; our words, with validated names and numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from obs.books import BotFacts, Llm
from obs.hazards import open_positions, protection
from obs.healthrows import clock, facts
from obs.holdings import money, restart, stop_at_exchange
from obs.money.book import MoneyBook
from obs.quoting import plain
from obs.snapshot import Funnel, Issue, IssueStatus, ProcessEnd, Source
from obs.state import State
from obs.trails import Trails, last_words

__all__ = ["Outlook", "look", "mode_of"]

_MODES = {"paper": "dry run", "dry_run": "dry run", "live": "live", "backtest": "backtest"}
PATHS = (
    ("entries", ("order.submitted", "order.filled", "order.rejected")),
    ("order fills", ("order.filled", "exit.filled", "stop.filled")),
    ("cancels", ("order.canceled", "exit.canceled", "stop.canceled")),
)
_CLOSED = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
ENDING_NS = 120_000_000_000
"""A stop that began so shortly before the last word of it is the same stop."""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The answers; each goes into the Snapshot field of its name."""

    program: str = ""
    mode: str = ""
    phase: str = ""
    money: tuple[str, ...] = ()
    restart: str = ""
    not_exercised: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    funnel: Funnel | None = None
    ends: tuple[ProcessEnd, ...] = ()


def look(
    state: State, issues: Sequence[Issue], now: int, *, live: bool, sources: Sequence[Source]
) -> Outlook:
    """Return what is known besides the issues.

    Args:
        state: The facts.
        issues: The issues, ranked.
        now: Unix ns.
        live: Whether the bots are being watched.
        sources: The recorded sources.
    """
    bots = {name: bot for name, bot in sorted(state.books.bots.items()) if bot.events}
    mode = mode_of(state)
    ends = tuple(end for name, bot in bots.items() if (end := _end(name, bot, state.trails)) is not None)
    return Outlook(
        program=_program(bots.values(), sources),
        mode=mode,
        # A parent that only starts others says nothing itself: whether it runs is not whether a bot does.
        # A bot that only prints text has no facts: it is not known to have stopped.
        phase=_phase({n: bots.get(n, BotFacts()) for n in state.services if n} or bots, ends, live=live),
        money=tuple(money(bots, mode, state.money)),
        restart=restart(bots, mode, issues, now),
        not_exercised=tuple(_not_exercised(bots, state.money, issues)),
        not_known=tuple(_not_known(bots, sources, ends, live=live)),
        facts=tuple(facts(bots)),
        funnel=_funnel(bots.values()),
        ends=ends,
    )


def mode_of(state: State) -> str:
    """Return `live`, `dry run`, `backtest`, or empty when no bot tells."""
    bots = [bot for bot in state.books.bots.values() if bot.events]
    modes = {_MODES.get(str(bot.mode.values.get("run.mode")), "") for bot in bots} - {""}
    if not modes:
        return "backtest" if state.books.backtests else ""
    # Where one bot of several trades live, the page must speak of live money.
    return next((mode for mode in ("live", "dry run", "backtest") if mode in modes), "")


def _program(bots: Iterable[BotFacts], sources: Sequence[Source]) -> str:
    for bot in bots:
        name = bot.program.values.get("bot.program")
        if name:
            return plain(name)
    formats = {source.format for source in sources} & {"freqtrade", "nautilus", "hummingbot"}
    return min(formats, default="")


def _end(name: str, bot: BotFacts, trails: Trails) -> ProcessEnd | None:
    if bot.process.name != "process.exited":
        return None
    values = bot.process.values
    code = values.get("process.exit_code")
    signal = plain(values.get("process.signal") or "")
    if values.get("process.oom"):
        reason = "killed: out of memory"
    elif signal:
        reason = f"ended by {signal}"
    elif code is None:
        reason = "ended without a last word: killed, crashed or left abruptly"
    else:
        reason = "ended normally" if code == 0 else f"ended with exit code {plain(code)}"
    pid = values.get("process.pid")
    return ProcessEnd(
        service=name,
        pid=pid if isinstance(pid, int) else 0,
        time=bot.process.time,
        exit_code=code if isinstance(code, int) else None,
        signal=signal,
        reason=reason,
        command=str(values.get("process.command") or ""),
        last_words=last_words(trails, name, bot.process.time),
    )


def _phase(bots: dict[str, BotFacts], ends: Sequence[ProcessEnd], *, live: bool) -> str:
    told = [end for end in ends if end.service in bots]
    if told and len(told) == len(bots):
        return "; ".join(f"{plain(end.service)} {end.reason} at {clock(end.time)}" for end in told[:4])
    stopped = [(name, bot) for name, bot in bots.items() if bot.state.name == "bot.stopped"]
    if stopped and len(stopped) == len(bots):
        _, bot = max(stopped, key=lambda item: item[1].state.time)
        reason = plain(bot.state.values.get("reason") or "")
        if reason == "fatal-exception":
            return f"died of a fatal exception at {clock(bot.state.time)}"
        how = "stopped by a signal" if "sig" in reason.lower() else "stopped"
        began = bot.ending.time if 0 <= bot.state.time - bot.ending.time < ENDING_NS else 0
        return f"{how} at {clock(began or bot.state.time)}"
    return "running" if live and bots else ""


def _not_exercised(bots: dict[str, BotFacts], book: MoneyBook, issues: Sequence[Issue]) -> Iterable[str]:
    outcomes: dict[str, int] = {}
    closed = sum(results.settled for name in bots for results in book.results(name).values())
    for bot in bots.values():
        for name, count in bot.order_outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + count
    if not outcomes and not closed:
        return []
    missing = [*_not_since(bots, issues)]
    missing += [what for what, names in PATHS if not any(outcomes.get(name) for name in names)]
    if not closed:
        missing.append("exits with a result")
    if not any(bot.stops for bot in bots.values()):
        missing.append("stop orders")
    return missing


def _not_since(bots: dict[str, BotFacts], issues: Sequence[Issue]) -> Iterator[str]:
    """Paths that ran before the first open fault and not after it: silence there proves nothing."""
    open_ones = (i for i in issues if i.cause is None and i.status not in _CLOSED and not i.is_side)
    begin = next((i.first_seen for i in open_ones if i.severity.rank >= 1 and i.first_seen), 0)
    asked = [series for bot in bots.values() for series in bot.requests.values()]
    if begin and asked and max(series.last for series in asked) < begin:
        yield f"candle downloads after {clock(begin)}"
    placed = [order.began for bot in bots.values() for order in bot.orders.values()]
    if begin and placed and max(placed) < begin:
        yield f"new orders after {clock(begin)}"


def _not_known(
    bots: dict[str, BotFacts], sources: Sequence[Source], ends: Sequence[ProcessEnd], *, live: bool
) -> Iterable[str]:
    lines = []
    if sources and not ends:
        lines.append("Not in these sources: exit code, anything after the last line.")
    unseen = [
        plain(name)
        for name, bot in bots.items()
        for key, position in open_positions(bot)
        if protection(bot, key, position)[0] == "unknown" and stop_at_exchange(bot) is not False
    ]
    if unseen:
        lines.append(
            f"Whether a stop rests at the exchange for {', '.join(sorted(set(unseen)))}: no stop order seen."
        )
    for name, bot in bots.items():
        if stop_at_exchange(bot) is False and bot.mode.values.get("run.mode") != "backtest":
            who = f"Stops of {plain(name)} live" if len(bots) > 1 else "Stops live"
            seen = "" if bot.positions else " No filled position was seen."
            lines.append(f"{who} in the bot ({_told(bot)}): while it is down no stop exists.{seen}")
    unpriced = sum(llm.unpriced for bot in bots.values() for llm in _agents(bot))
    if unpriced:
        lines.append(f"Cost of {unpriced} LLM calls: unpriced.")
    return lines


def _agents(bot: BotFacts) -> list[Llm]:
    """Who asked models: the bot's own agents, else the addresses that its HTTP library names."""
    return [llm for name, llm in bot.llm.items() if name not in bot.calls] or list(bot.llm.values())


def _told(bot: BotFacts) -> str:
    """The setting of the stops, in the program's own word, and the line that says so."""
    program = plain(bot.program.values.get("bot.program") or "")
    word = "stoploss_on_exchange: False" if program == "freqtrade" else "stops at the exchange: off"
    found = [s.fields["stop.at_exchange"] for s in bot.settings.values() if "stop.at_exchange" in s.fields]
    return ", ".join([f"`{word}`", *(plain(order.rsplit("|", 1)[-1]) for _, order, _ in found[:1])])


def _funnel(bots: Iterable[BotFacts]) -> Funnel | None:
    signals = decisions = 0
    outcomes: dict[str, int] = {}
    gates: dict[str, int] = {}
    for bot in bots:
        signals += bot.signals
        decisions += bot.decisions
        for counts, total in ((bot.order_outcomes, outcomes), (bot.gates, gates)):
            for key, count in counts.items():
                total[key] = total.get(key, 0) + count
    if not signals and not gates:
        return None
    counted = (
        ("signals", signals),
        # A bot that speaks of no decisions has not refused them all.
        *((("decisions", decisions),) if decisions else ()),
        ("orders", outcomes.get("order.submitted", 0)),
        ("fills", outcomes.get("order.filled", 0)),
    )
    stopped = {**gates, **{k: outcomes[k] for k in ("order.denied", "order.rejected") if outcomes.get(k)}}
    return Funnel(
        counted, tuple(sorted(((plain(k), n) for k, n in stopped.items()), key=lambda i: (-i[1], i[0])))
    )
