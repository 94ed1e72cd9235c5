"""What a reader asks besides the issues: which bots, what money, may I restart, what is not known.

Derived from `State` and the issues when a Snapshot is made; our words, with validated names and numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from obs.books import BotFacts, decimal
from obs.hazards import mark_price, open_positions, protection
from obs.quoting import plain
from obs.snapshot import Funnel, Issue, IssueStatus, ProcessEnd, Source
from obs.state import State

__all__ = ["Outlook", "look", "mode_of"]

_MODES = {"paper": "dry run", "dry_run": "dry run", "live": "live", "backtest": "backtest"}
PATHS = (
    ("entries", ("order.submitted", "order.filled")),
    ("cancels", ("order.canceled",)),
    ("closed trades", ()),
)


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
    ends = tuple(end for name, bot in bots.items() if (end := _end(name, bot)) is not None)
    return Outlook(
        program=_program(bots.values(), sources),
        mode=mode,
        phase=_phase(bots, ends, live=live),
        money=tuple(_money(bots, mode)),
        restart=_restart(bots, mode, issues),
        not_exercised=tuple(_not_exercised(bots)),
        not_known=tuple(_not_known(bots, sources, ends, live=live)),
        facts=tuple(_facts(bots)),
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


def _end(name: str, bot: BotFacts) -> ProcessEnd | None:
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
    )


def _phase(bots: dict[str, BotFacts], ends: Sequence[ProcessEnd], *, live: bool) -> str:
    if ends and len(ends) == len(bots):
        return "; ".join(f"{plain(end.service)} {end.reason} at {_clock(end.time)}" for end in ends[:4])
    stopped = [(name, bot) for name, bot in bots.items() if bot.state.name == "bot.stopped"]
    if stopped and len(stopped) == len(bots):
        _, bot = max(stopped, key=lambda item: item[1].state.time)
        reason = plain(bot.state.values.get("reason") or "")
        how = "stopped by a signal" if "sig" in reason.lower() else "stopped"
        return f"{how} at {_clock(bot.state.time)}"
    return "running" if live and bots else ""


def _money(bots: dict[str, BotFacts], mode: str) -> Iterable[str]:
    simulated = "dry run, no real funds. Simulated: " if mode == "dry run" else ""
    lines = []
    if mode == "backtest":
        lines.append("backtest: no real funds, nothing at risk.")
    parts = []
    for name, bot in bots.items():
        for key, position in open_positions(bot):
            parts.append(_position_line(name, bot, key, position.values, position))
        waiting = [o for o in bot.orders.values() if o.last.name in ("order.submitted", "order.accepted")]
        if waiting:
            symbols = sorted({plain(o.values.get("symbol") or "?") for o in waiting})
            parts.append(f"{len(waiting)} order(s) not known to be done ({', '.join(symbols[:4])})")
    if parts:
        lines.append(
            simulated + "; ".join(parts[:6]) + (f"; {len(parts) - 6} more" if len(parts) > 6 else "") + "."
        )
    elif simulated:
        lines.append("dry run, no real funds; no open position seen.")
    results = _results(bots)
    if results:
        lines.append(results)
    if not lines:
        known = any(bot.positions or bot.orders or bot.trades for bot in bots.values())
        lines.append(
            "no open position or order seen."
            if known
            else "unknown, no order or position events; treat as live."
        )
    return lines


def _position_line(name: str, bot: BotFacts, key: str, values: dict[str, object], position: object) -> str:
    quantity = decimal(values.get("position.quantity"))
    text = f"{plain(name)} holds {_number(quantity)} {plain(values.get('symbol') or key)}"
    price = mark_price(values)
    currency = plain(values.get("currency") or "")
    if price is not None and quantity is not None and currency:
        text += f" ({_number(abs(quantity) * price, 2)} {currency})"
    pnl = decimal(values.get("pnl.unrealized"))
    if pnl is not None:
        text += f", unrealized {_number(pnl, 2)} {currency}"
    verdict, since, _ = protection(bot, key, position)  # type: ignore[arg-type]
    if verdict == "none":
        text += f", **without a stop since {_clock(since)}**"
    elif verdict == "unknown":
        text += ", stop not known"
    return text


def _results(bots: dict[str, BotFacts]) -> str:
    parts = []
    for name, bot in bots.items():
        for currency, trades in sorted(bot.trades.items()):
            if trades.settled:
                parts.append(
                    f"{plain(name)} {trades.settled} closed trade(s), {trades.won} won, "
                    f"{_number(trades.pnl, 2)} {plain(currency)}"
                )
        for agent, llm in sorted(bot.llm.items()):
            cost = ", ".join(f"{_number(c, 2)} {plain(cur)}" for cur, c in sorted(llm.cost.items()))
            if cost:
                parts.append(f"{plain(name)} LLM {plain(agent)} {cost}")
    return f"Results: {'; '.join(parts[:8])}." if parts else ""


def _restart(bots: dict[str, BotFacts], mode: str, issues: Sequence[Issue]) -> str:
    active = [i for i in issues if i.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)]
    grave = next((i for i in active if i.severity.rank >= 2 and i.cause is None), None)
    useless = f", useless before {grave.id} is mended: it would fail the same way" if grave else ""
    if mode in ("dry run", "backtest"):
        return f"safe ({mode}){useless}."
    holding = [plain(name) for name, bot in bots.items() if open_positions(bot)]
    flat = [plain(name) for name, bot in bots.items() if bot.positions and not open_positions(bot)]
    if holding:
        text = f"{', '.join(holding)} **no**: open positions, look at the exchange first"
        return text + (f"; {', '.join(flat)} flat, safe" if flat else "") + "."
    if flat:
        return f"{', '.join(flat)} flat, safe{useless}."
    return f"not known: no position events, so look at the exchange first{useless}."


def _not_exercised(bots: dict[str, BotFacts]) -> Iterable[str]:
    outcomes: dict[str, int] = {}
    closed = 0
    for bot in bots.values():
        for name, count in bot.order_outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + count
        closed += sum(trades.settled for trades in bot.trades.values())
    if not outcomes and not closed:
        return []
    missing = [what for what, names in PATHS if names and not any(outcomes.get(name) for name in names)]
    if not closed:
        missing.append("exits with a result")
    if not any(bot.stops for bot in bots.values()):
        missing.append("stop orders")
    return missing


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
        if protection(bot, key, position)[0] == "unknown"
    ]
    if unseen:
        lines.append(
            f"Whether a stop rests at the exchange for {', '.join(sorted(set(unseen)))}: no stop order seen."
        )
    unpriced = sum(llm.unpriced for bot in bots.values() for llm in bot.llm.values())
    if unpriced:
        lines.append(f"Cost of {unpriced} LLM calls: unpriced.")
    return lines


def _facts(bots: dict[str, BotFacts]) -> Iterable[tuple[str, str, str]]:
    rows = []
    for name, bot in bots.items():
        label = f"{plain(name)} " if len(bots) > 1 else ""
        if bot.heartbeats.count:
            state = plain(bot.heartbeat.values.get("bot.state") or "")
            rows.append(
                (
                    f"{label}heartbeats",
                    f"{bot.heartbeats.count}, last {_clock(bot.heartbeat.time)} {state}".strip(),
                    "",
                )
            )
        for exchange, calls in sorted(bot.calls.items()):
            rows.append(
                (
                    f"{label}calls {plain(exchange)}",
                    f"{calls.ok.count} good, {calls.failed.count} failed",
                    "0 failed",
                )
            )
        if bot.order_outcomes:
            counts = ", ".join(
                f"{count} {plain(kind.removeprefix('order.'))}"
                for kind, count in sorted(bot.order_outcomes.items())
            )
            rows.append((f"{label}orders", counts, ""))
    return rows


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
    stages = (
        ("signals", signals),
        ("decisions", decisions),
        ("orders", outcomes.get("order.submitted", 0)),
        ("fills", outcomes.get("order.filled", 0)),
    )
    stopped = {**gates, **{k: outcomes[k] for k in ("order.denied", "order.rejected") if outcomes.get(k)}}
    return Funnel(
        stages, tuple(sorted(((plain(k), n) for k, n in stopped.items()), key=lambda i: (-i[1], i[0])))
    )


def _clock(time: int) -> str:
    return (
        datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%H:%M:%S") if time else "an unknown time"
    )


def _number(value: Decimal | None, places: int | None = None) -> str:
    if value is None:
        return "an unknown amount of"
    if places is not None:
        value = round(value, places)
        return f"{value:,f}".replace("-", "−")
    return f"{value.normalize():f}".replace("-", "−")
