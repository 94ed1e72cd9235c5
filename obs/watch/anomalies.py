"""Thresholds that were passed, as issues: what it means for the bot, what to do, whether it is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from obs.books import BotFacts
from obs.hazards.making import SECOND_NS, issue
from obs.hazards.positions import exposure, open_positions
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Category, Evidence, Issue, IssueSeverity
from obs.state import State
from obs.watch.expectations import Expectations
from obs.watch.tape import HOUR_NS, Tape
from obs.watch.thresholds import (
    Hit,
    Limits,
    book_holds,
    daily_losses,
    error_rates,
    funding_extremes,
    losing_streaks,
    price_moves,
    slippages,
    trade_bursts,
    volume_spikes,
)

__all__ = ["find"]

SHOWN = 3
GOOD_FILLS = 5
"""So many good fills after a bad one end it."""
NEWS_NS = 60 * MINUTE_NS
"""A moment of the market that is over is told for so long."""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of anomaly is told."""

    title: str
    means: str
    fix_in: str
    actions: tuple[str, ...]
    do_not: str = ""
    minutes: int = 15
    severity: IssueSeverity = IssueSeverity.WARNING
    category: Category = Category.TRADING


_WORDS: Mapping[str, Word] = {
    "trade_frequency": Word(
        title="Trades too often: {count} within {window} min",
        means="A strategy that fires on every tick, or an order that is sent again and again; "
        "each trade pays its fees.",
        fix_in="config or code: what starts the orders",
        actions=(
            "[read] The signals and decisions behind the newest orders: what made each of them?",
            "[ask] Operator: may {bot} go on at this rate?",
            "[config] A pause between entries, or a cap on trades.",
            "[code] One decision must lead to one order, also after a retry.",
        ),
        do_not="restart it to make it stop: the same signal starts it again",
        severity=IssueSeverity.ERROR,
    ),
    "losing_streak": Word(
        title="{value} of the last {count} closed trades lost",
        means="The market is not the one the strategy was made for, its fills are worse than it assumes, "
        "or its inputs are wrong.",
        fix_in="a person decides; then config or strategy",
        actions=(
            "[read] The losing trades: same symbol, exit reason, hour? What changed before them?",
            "[ask] Operator: pause {bot}, or make its positions smaller?",
            "[read] The same days in a backtest of the present version.",
        ),
        do_not="tune the strategy on these trades alone",
        minutes=30,
        severity=IssueSeverity.ERROR,
    ),
    "slippage": Word(
        title="Fills {worst} % worse than expected",
        means="The order was too large or too late for the book, or the reference price was old.",
        fix_in="config or code: order size and type, age of the price",
        actions=(
            "[read] Book and spread at those fills, and the age of the reference price.",
            "[config] Limit orders, or a smaller size for these symbols.",
            "[code] Refuse to send when the reference price is too old.",
        ),
    ),
    "api_errors": Word(
        title="{worst} % of the calls of {exchange} fail",
        means="So many failures are no noise: orders, exits and balances are late or missing.",
        fix_in="outside, or config: key, limits, address",
        actions=(
            "[read] The failures' own words: one kind (limit, key, time) or all kinds (outage)?",
            "[wait] The exchange's status page; fewer requests until it answers.",
            "[code] Exits and stops must be retried until the exchange confirms them.",
        ),
        do_not="retry faster: that turns a limit into a ban",
        minutes=10,
        severity=IssueSeverity.ERROR,
        category=Category.EXCHANGE,
    ),
    "price_move": Word(
        title="{symbol} moved {worst} % within one minute",
        means="Prices that jump pass stops and limits: what the bot believes of its exits may be wrong.",
        fix_in="outside the bot",
        actions=(
            "[read] Positions and stops in {symbols} at the exchange: did they do what they should?",
            "[ask] Operator: hold, close or pause while it lasts?",
        ),
        minutes=10,
    ),
    "volume_spike": Word(
        title="{symbol}: volume {worst} times the hour before",
        means="News, a liquidation wave, or the first bars of a session.",
        fix_in="outside the bot",
        actions=("[read] What moves {symbols}; are the bot's limits made for it?",),
        minutes=5,
        severity=IssueSeverity.INFO,
    ),
    "funding": Word(
        title="{symbol}: funding {worst} % for one interval",
        means="Holding a perpetual position costs or earns this much at each payment.",
        fix_in="outside the bot; a person decides on the position",
        actions=(
            "[read] Side and size of the positions in {symbols}: who pays?",
            "[ask] Operator: is the trade worth it at this rate?",
        ),
        minutes=10,
    ),
    "book_imbalance": Word(
        title="{symbol}: {worst} % of the book on one side for {seconds} s",
        means="A large order, or makers who have left one side: market orders pay more now.",
        fix_in="outside the bot",
        actions=("[read] Are market orders in {symbols} still wise?",),
        minutes=5,
        severity=IssueSeverity.INFO,
    ),
    "daily_loss": Word(
        title="{worst} % of the account lost within the day",
        means="The limit at which trading should stop for the day is reached.",
        fix_in="a person decides first; then the cause of the losses",
        actions=(
            "[read] The exchange: account value, open positions and their stops.",
            "[ask] Operator: close what is open, or let {bot} only reduce until the day ends?",
            "[read] The trades of the day: one large loss or many small ones?",
            "[code] A circuit breaker that acts by itself at this limit.",
        ),
        do_not="raise the limit or the position size to win it back",
        minutes=20,
        severity=IssueSeverity.CRITICAL,
    ),
}
MARKET = ("price_move", "volume_spike", "funding", "book_imbalance")
"""Kinds that are of the market, not of one bot: several bots that see the same make one issue."""


def find(state: State, now: int, expected: Expectations) -> list[Issue]:
    """Return an issue for each threshold that the bots' own events show to be passed.

    Args:
        state: The facts.
        now: Unix ns.
        expected: Limits, and the tables that tell the trading day of a bot.
    """
    found: list[Issue] = []
    seen: dict[str, dict[str, list[Hit]]] = {kind: {} for kind in MARKET}
    newest: dict[str, dict[str, int]] = {kind: {} for kind in MARKET}
    for name, tape in sorted(state.tapes.bots.items()):
        if _is_backtest(state.books.bots.get(name)):
            continue
        found += _of_bot(name, tape, state, expected)
        for kind, hits, checks in _of_market(tape, expected.limits):
            if hits:
                seen[kind][name] = hits
            for symbol, count in checks.items():
                newest[kind][symbol] = max(newest[kind].get(symbol, 0), count)
    for kind in MARKET:
        found += _market_issue(kind, seen[kind], newest[kind], state, now, expected.limits)
    return found


def _of_bot(name: str, tape: Tape, state: State, expected: Expectations) -> Iterator[Issue]:
    limits = expected.limits
    bot = state.books.bots.get(name, BotFacts())
    zone = expected.zone([expected.calendar(name, state.beats.bots.get(name))])
    kinds: list[tuple[str, list[Hit], int, str]] = [
        ("trade_frequency", hits := trade_bursts(tape.fills, limits), _after(hits, tape.fills), ""),
        ("losing_streak", hits := losing_streaks(tape.trades, limits), _after(hits, tape.trades), ""),
        (
            "slippage",
            hits := slippages(tape.fills, limits),
            _enough(_after(hits, tape.fills), GOOD_FILLS),
            "",
        ),
        ("daily_loss", hits := daily_losses(tape.equity, limits, zone), 0, ""),
    ]
    for exchange, seconds in sorted(tape.answers.items()):
        hits = error_rates(seconds, limits)
        good = sum(a.total - a.failed for s, a in seconds.items() if hits and s > hits[-1].time // SECOND_NS)
        kinds.append(("api_errors", hits, _enough(good, limits.api_requests), exchange))
    for kind, hits, since, place in kinds:
        if hits:
            yield _bot_issue(kind, name, hits, since, bot, tape, limits, exchange=place)


def _enough(good: int, least: int) -> int:
    """How many checks were passed since, once they are so many that it may be called over."""
    return good if good >= least else 0


def _after(hits: Sequence[Hit], rows: Sequence[object]) -> int:
    """How many rows came after the last hit: checks that were passed."""
    return sum(getattr(row, "time", 0) > hits[-1].time for row in rows) if hits else 0


def _bot_issue(
    kind: str,
    name: str,
    hits: list[Hit],
    since: int,
    bot: BotFacts,
    tape: Tape,
    limits: Limits,
    *,
    exchange: str,
) -> Issue:
    word, worst = _WORDS[kind], max(hits, key=lambda hit: (abs(hit.value), hit.time))
    values = {
        "bot": plain(name),
        "exchange": plain(exchange),
        "count": f"{worst.count:,}",
        "value": f"{worst.value:f}",
        "worst": _percent(worst.value),
        "window": f"{limits.trades_window_s // 60}",
    }
    return issue(
        (kind, name, *([exchange] if exchange else [])),
        word.category,
        word.severity,
        word.title.format(**values),
        name,
        # A streak is one when its limit is passed: the trades before it were losses like any other.
        first=hits[0].time if kind == "losing_streak" else hits[0].begin or hits[0].time,
        last=hits[-1].time,
        count=_count(kind, hits, tape, exchange),
        succeeded=since,
        explanation=" ".join(
            part
            for part in (_measured(kind, hits, worst, tape, limits), word.means, _noticed(kind, hits, tape))
            if part
        ),
        fix_in=word.fix_in,
        actions=tuple(step.format(**values) for step in word.actions),
        do_not=word.do_not,
        minutes=word.minutes,
        money=exposure(bot) if kind in ("daily_loss", "losing_streak", "trade_frequency") else None,
        evidence=[_shown(hit, name) for hit in _telling(hits, worst)],
        grouped_by=f"the threshold {kind.replace('_', ' ')} for {plain(name)}",
    )


def _count(kind: str, hits: Sequence[Hit], tape: Tape, exchange: str) -> int:
    """How many records were at fault: of calls the failed ones, else the times the limit was passed."""
    if kind in ("losing_streak", "daily_loss"):
        return 1
    if kind != "api_errors":
        return len(hits)
    begin, end = hits[0].begin // SECOND_NS, hits[-1].time // SECOND_NS
    return sum(a.failed for second, a in tape.answers[exchange].items() if begin <= second <= end)


def _measured(kind: str, hits: Sequence[Hit], worst: Hit, tape: Tape, limits: Limits) -> str:
    """The figure in a sentence, with the limit beside it."""
    if kind == "trade_frequency":
        return f"Limit: fewer than {limits.trades} trades in {limits.trades_window_s} s."
    if kind == "losing_streak":
        window = [t for t in tape.trades if hits[-1].begin <= t.time <= hits[-1].time]
        sums: dict[str, Decimal] = {}
        for trade in window:
            sums[trade.currency] = sums.get(trade.currency, Decimal(0)) + Decimal(trade.pnl)
        told = ", ".join(f"{_number(amount)} {plain(currency)}" for currency, amount in sorted(sums.items()))
        return f"The last {limits.losses_of} together: {told}; limit: fewer than {limits.losses} losses."
    if kind == "slippage":
        symbols = sorted({plain(hit.symbol) for hit in hits if hit.symbol})
        fills = "1 fill" if len(hits) == 1 else f"{len(hits)} fills"
        return (
            f"{fills} in {', '.join(symbols[:4]) or 'unnamed symbols'}; limit: {_percent(limits.slippage)} %."
        )
    if kind == "api_errors":
        return (
            f"{worst.value * worst.count:.0f} of {worst.count:,} requests failed within "
            f"{limits.api_window_s // 60} min; limit: {_percent(limits.api_error_rate)} %."
        )
    hour = tape.equity.get(worst.time // HOUR_NS)
    lowest = f"Lowest {hour.least[0]:,.2f} {plain(hour.currency)}; limit" if hour is not None else "Limit"
    return f"{lowest}: {_percent(limits.daily_loss)} %."


def _noticed(kind: str, hits: Sequence[Hit], tape: Tape) -> str:
    """Whether the bot saw it too, where it is one that looks."""
    if kind == "daily_loss":
        tripped = tape.said.get("breaker", (0, ""))
        if tripped[0] >= hits[-1].begin:
            return "The bot's circuit breaker tripped."
        return "No circuit breaker was seen to trip."
    if not tape.said:
        return ""
    return "The bot reported it too." if kind in tape.said else "The bot did not report it."


def _of_market(tape: Tape, limits: Limits) -> Iterator[tuple[str, list[Hit], dict[str, int]]]:
    newest: dict[str, int] = {}
    for group in tape.bars.values():
        newest[group[-1].symbol] = max(newest.get(group[-1].symbol, 0), group[-1].time)
    every = list(tape.bars.values())
    yield "price_move", [hit for group in every for hit in price_moves(group, limits)], newest
    yield "volume_spike", [hit for group in every for hit in volume_spikes(group, limits)], newest
    yield "funding", funding_extremes(tape.funding, limits), {row.symbol: row.time for row in tape.funding}
    yield "book_imbalance", book_holds(tape.shares, limits), {row.symbol: row.time for row in tape.shares}


def _market_issue(
    kind: str,
    by_bot: Mapping[str, list[Hit]],
    newest: Mapping[str, int],
    state: State,
    now: int,
    limits: Limits,
) -> Iterator[Issue]:
    hits = sorted({(hit.symbol, hit.time): hit for found in by_bot.values() for hit in found}.values())
    if not hits:
        return
    symbols = list(dict.fromkeys(hit.symbol for hit in reversed(hits)))
    held = {
        str(position.values.get("symbol"))
        for name in by_bot
        for _, position in open_positions(state.books.bots.get(name, BotFacts()))
    }
    money = exposure(*(state.books.bots.get(name, BotFacts()) for name in by_bot), symbols=set(symbols))
    # A later look at every symbol that passed: the moment is over.
    passed = sum(
        newest.get(symbol, 0) > max(h.time for h in hits if h.symbol == symbol) for symbol in symbols
    )
    over = passed == len(symbols)
    last = max(_told_at(kind, hit) for hit in hits)
    word = _WORDS[kind]
    if over and not held & set(symbols) and now - last > NEWS_NS:
        return
    worst = max(hits, key=lambda hit: (_extremity(kind, hit.value), hit.time))
    values = {
        "symbol": plain(worst.symbol or "The symbol"),
        "symbols": ", ".join(plain(symbol) for symbol in symbols[:4]),
        "worst": _worst(kind, worst.value),
        "seconds": f"{(worst.time - worst.begin) / SECOND_NS:.0f}",
    }
    others = (
        f"Also in {', '.join(plain(s) for s in symbols if s != worst.symbol)}. " if len(symbols) > 1 else ""
    )
    severity = word.severity
    if kind == "funding" and not held & set(symbols):
        severity = IssueSeverity.INFO
    yield issue(
        (kind,),
        word.category,
        severity,
        word.title.format(**values),
        "market",
        services=tuple(sorted(by_bot)),
        first=min(_told_at(kind, hit) for hit in hits),
        last=last,
        count=len(hits),
        succeeded=passed if over else 0,
        explanation=f"{others}{word.means} {_limit(kind, limits)}".strip(),
        fix_in=word.fix_in,
        actions=tuple(step.format(**values) for step in word.actions),
        minutes=word.minutes,
        money=money,
        evidence=[_shown(hit, next(iter(sorted(by_bot)))) for hit in _telling(hits, worst)],
        grouped_by=f"the threshold {kind.replace('_', ' ')}, all symbols and bots",
    )


def _told_at(kind: str, hit: Hit) -> int:
    """When it was told: a bar's own time may be that of a replayed day."""
    return hit.begin if kind in ("price_move", "volume_spike") else hit.time


def _extremity(kind: str, value: Decimal) -> Decimal:
    return abs(value - Decimal("0.5")) if kind == "book_imbalance" else abs(value)


def _worst(kind: str, value: Decimal) -> str:
    if kind == "volume_spike":
        return f"{value:.1f}"
    if kind == "book_imbalance":
        return _percent(max(value, 1 - value))
    return _percent(value, sign=True)


def _limit(kind: str, limits: Limits) -> str:
    told = {
        "price_move": f"{_percent(limits.price_move)} %",
        "volume_spike": f"{limits.volume_times:f} times the {limits.volume_bars} bars before",
        "funding": f"beyond ±{_percent(limits.funding)} %",
        "book_imbalance": f"{_percent(limits.book_share)} % for {limits.book_hold_s} s",
    }
    return f"Limit: {told[kind]}."


def _telling(hits: Sequence[Hit], worst: Hit) -> list[Hit]:
    """The first, the worst and the latest."""
    chosen = [hits[0], worst, hits[-1]]
    return list({hit.id: hit for hit in chosen if hit.id}.values())[:SHOWN]


def _shown(hit: Hit, name: str) -> Evidence:
    return Evidence(id=hit.id, time=hit.time, severity="", source=name, text=hit.text)


def _is_backtest(bot: BotFacts | None) -> bool:
    return bot is not None and bot.mode.values.get("run.mode") == "backtest"


def _percent(value: Decimal, *, sign: bool = False) -> str:
    """A fraction in percent with three digits at most, a true minus before it where asked for."""
    text = f"{round(abs(value) * 100, 2):f}".rstrip("0").rstrip(".") or "0"
    return f"{'−' if value < 0 else '+'}{text}" if sign else text


def _number(amount: Decimal) -> str:
    return f"{round(amount, 2):,f}".replace("-", "−")
