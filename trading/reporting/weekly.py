"""The report of a week."""

from __future__ import annotations

from collections.abc import Mapping

from trading.reporting.daily import began, curve, failures, foot, positions
from trading.reporting.facts import DayFacts, TradeFacts, WeeklyFacts
from trading.reporting.page import Block, Cell, Figures, Page, Remark, Section, Table
from trading.reporting.wording import Wording, is_known, table
from trading.reporting.words import Language, day, term
from trading.scales import date_text

__all__ = ["counted", "trades_table", "weekly_page", "win_rate"]


def weekly_page(facts: WeeklyFacts, language: Language) -> Page:
    """Return the report of a week."""
    say = Wording(language, facts.currency)
    as_of = day(facts.as_of, language) if facts.as_of else say("no_as_of")
    lead = [say("week", first=facts.first, last=facts.last, as_of=as_of)]
    if facts.calendar:
        lead.append(say("calendar", name=facts.calendar))
    return Page(
        language=language,
        title=f"{say('weekly')} {facts.first} ~ {facts.last}",
        lead=tuple(lead),
        sections=(
            Section(say("failed"), failures(facts.failures, say)),
            Section(say("performance"), _performance(facts, say)),
            Section(say("sessions"), (_days(facts, say),)),
            Section(say("trades"), (trades_table(facts.trades, say),)),
            Section(say("signals"), _signals(facts, say)),
            Section(say("changes"), (_changes(facts, say),)),
            Section(say("positions"), positions(facts.positions, facts.account, say)),
            Section(say("next_week"), _ahead(facts, say)),
        ),
        foot=foot(facts.made, say),
    )


def _performance(facts: WeeklyFacts, say: Wording) -> tuple[Block, ...]:
    by_profit = sorted(
        (trade for trade in facts.trades if is_known(trade.profit)),
        key=lambda trade: (trade.profit, trade.symbol),
    )
    none = Cell("-" if facts.settled else say("no_trade"), "dim")
    figures = Figures(
        (
            (say("equity"), say.amount(facts.account.equity)),
            (say("week_return"), say.change(facts.week_return)),
            (say("week_profit"), say.profit(facts.week_profit)),
            (_since(facts, say), say.change(facts.total_return)),
            (say("max_drawdown"), say.share(facts.max_drawdown, 2)),
            (say("week_drawdown"), say.share(facts.week_drawdown, 2)),
            (say("win_rate_all"), win_rate(facts.wins, facts.settled, say)),
            (say("best"), _named(by_profit[-1], say) if by_profit else none),
            (say("worst"), _named(by_profit[0], say) if by_profit else none),
        )
    )
    return figures, curve(facts.equity, say, began(facts.account))


def _since(facts: WeeklyFacts, say: Wording) -> str:
    return say("total_return") + (f" ({facts.since})" if facts.since else "")


def win_rate(wins: int, settled: int, say: Wording) -> Cell:
    """Return how many of the closed trades won, or that there is none."""
    if not settled:
        return Cell(say("no_trade"), "dim")
    return Cell(say("won_of", rate=say.share(wins / settled).text, wins=wins, settled=settled))


def _named(trade: TradeFacts, say: Wording) -> Cell:
    profit = say.profit(trade.profit)
    return Cell(f"{trade.name or trade.symbol} {profit.text}", profit.tone)


def _days(facts: WeeklyFacts, say: Wording) -> Table:
    heads = ("day", "equity#", "day_return#", "regime", "held#", "signals#", "filtered#", "note")
    return table(say, heads, [_day_row(one, say) for one in facts.days], "no_sessions")


def _day_row(one: DayFacts, say: Wording) -> tuple[Cell, ...]:
    regime = Cell("?", "warn") if one.regime is None else say.term(one.regime)
    return (
        say.day(one.day),
        say.amount(one.equity),
        say.change(one.day_return),
        regime,
        say.count(one.positions),
        say.count(one.signals),
        say.count(one.filtered),
        Cell(say("no_row"), "warn") if one.equity is None else Cell("-", "dim"),
    )


def trades_table(trades: tuple[TradeFacts, ...], say: Wording) -> Table:
    """Return trades, oldest exit first; one that is open has no date of its exit."""
    rows = [
        (
            *say.names(trade.symbol, trade.name),
            Cell(date_text(trade.entry_time)),
            Cell("-" if trade.exit_time is None else date_text(trade.exit_time)),
            say.quantity(trade.quantity),
            say.amount(trade.entry_price),
            say.amount(trade.exit_price),
            say.profit(trade.profit),
            say.change(trade.return_ratio),
            say.reason(trade.reason),
        )
        for trade in trades
    ]
    heads = (
        "symbol",
        "name",
        "opened",
        "closed",
        "quantity#",
        "entry#",
        "exit#",
        "profit#",
        "return_ratio#",
        "reason",
    )
    return table(say, heads, rows, "no_trades")


def _signals(facts: WeeklyFacts, say: Wording) -> tuple[Block, ...]:
    counts = {action: facts.signals.get(action, 0) for action in ("buy", "sell", "hold")}
    gates = counted(facts.filtered, say)
    return (
        Remark(say("counts", **counts)),
        Remark(say("gates", gates=gates) if gates else say("no_gates")),
    )


def counted(counts: Mapping[str, int], say: Wording) -> str:
    """Return counts by name, the largest first."""
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " · ".join(f"{term(name, say.language)} {count}" for name, count in by_count if count)


def _changes(facts: WeeklyFacts, say: Wording) -> Table:
    rows = [
        (
            *say.names(change.symbol, change.name),
            Cell(
                say("exit") if (change.kind, say.language) == ("close", "ko") else say.term(change.kind).text
            ),
            say.quantity(change.quantity),
            say.share(change.weight_before),
            say.share(change.weight_after),
        )
        for change in facts.changes
    ]
    heads = ("symbol", "name", "action", "quantity#", "weight_before#", "weight_after#")
    return table(say, heads, rows, "no_changes")


def _ahead(facts: WeeklyFacts, say: Wording) -> tuple[Block, ...]:
    rows = [
        (
            say.day(one.day),
            Cell(f"{one.opens}–{one.closes}"),
            Cell(term(one.note, say.language), "warn") if one.note else Cell("-", "dim"),
        )
        for one in facts.next_sessions
    ]
    closed = [
        Remark(
            say(
                "closed_day",
                day=day(one.day, say.language),
                reason=f" ({one.reason})" if one.reason else "",
            ),
            "warn",
        )
        for one in facts.closed_days
    ]
    count = Remark(say("sessions_ahead", count=len(facts.next_sessions)))
    return (count, *closed, table(say, ("day", "hours", "note"), rows, "no_sessions"))
