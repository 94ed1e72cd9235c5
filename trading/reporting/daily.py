"""The report of one session day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trading.amounts import percent
from trading.charts import Mark, equity_chart
from trading.reporting.facts import (
    AccountFacts,
    Curve,
    DailyFacts,
    FailureFacts,
    Figure,
    FilteredFacts,
    PositionFacts,
)
from trading.reporting.page import Block, Cell, Figures, Page, Picture, Remark, Section, Table
from trading.reporting.wording import NARROW, Wording, moment, table
from trading.reporting.words import Language, day, term

__all__ = ["began", "curve", "daily_page", "failures", "foot", "holdings", "positions"]

_GATES_IN_PERCENT = ("confidence", "volatility")
_MORE_DECIMALS = 4
"""How many more than usual two figures are given at most, so that they do not look equal."""


def daily_page(facts: DailyFacts, language: Language) -> Page:
    """Return the report of a session day."""
    say = Wording(language, facts.currency)
    return Page(
        language=language,
        title=f"{say('daily')} {facts.as_of}",
        lead=_lead(facts, say),
        sections=(
            Section(say("failed"), failures(facts.failures, say)),
            Section(say("account"), (*_account(facts, say), curve(facts.equity, say, began(facts.account)))),
            Section(say("signals"), _signals(facts, say)),
            Section(say("filtered"), _filtered(facts.filtered, say)),
            Section(say("actions"), (_actions(facts, say),)),
            Section(say("fills"), (_fills(facts, say), *_duties(facts, say))),
            Section(say("positions"), positions(facts.positions, facts.account, say)),
            Section(say("data"), _data(facts, say)),
        ),
        foot=foot(facts.made, say),
    )


def _lead(facts: DailyFacts, say: Wording) -> tuple[str, ...]:
    what = [
        say(key, name=name)
        for key, name in (
            ("calendar", facts.calendar),
            ("strategy", facts.strategy),
            ("source", facts.source),
        )
        if name
    ]
    if facts.instruments is not None:
        what.append(say("instruments", count=facts.instruments))
    if facts.next_session:
        what.append(say("next", day=day(facts.next_session, say.language)))
    lines = [say("as_of", day=day(facts.as_of, say.language)), " · ".join(what)]
    if facts.missed:
        lines.append(say("missed", days=", ".join(map(str, facts.missed))))
    return tuple(line for line in lines if line)


def _account(facts: DailyFacts, say: Wording) -> tuple[Block, ...]:
    account = facts.account
    return (
        Figures(
            (
                (say("equity"), say.amount(account.equity)),
                (say("day_return"), say.change(account.day_return)),
                (say("day_profit"), say.profit(account.day_profit)),
                (say("total_return"), say.change(account.total_return)),
                (say("drawdown"), say.share(account.drawdown, 2)),
                (say("cash"), say.amount(account.cash)),
                (say("day_fees"), say.amount(account.fees)),
                (say("regime"), _regime(facts, say)),
            )
        ),
    )


def _regime(facts: DailyFacts, say: Wording) -> Cell:
    if facts.regime is None:
        return Cell("?", "warn")
    now = term(facts.regime, say.language)
    if facts.regime_before in (None, facts.regime):
        return Cell(now)
    return Cell(say("regime_changed", now=now, before=term(facts.regime_before or "", say.language)), "warn")


def _signals(facts: DailyFacts, say: Wording) -> tuple[Block, ...]:
    counts = Counter(signal.action for signal in facts.signals)
    rows = [
        (
            *say.names(signal.symbol, signal.name),
            say.term(signal.action),
            say.share(signal.confidence),
            say.share(signal.weight),
            say.amount(signal.price),
            say.number(signal.score),
            say.number(signal.rsi, 0),
            say.reason(signal.reason),
        )
        for action in ("buy", "sell", "hold")
        for signal in facts.signals
        if signal.action == action
    ]
    heads = ("symbol", "name", "action", "confidence#", "weight#", "price#", "score#", "rsi#", "reason")
    return (
        Remark(say("counts", buy=counts["buy"], sell=counts["sell"], hold=counts["hold"])),
        table(say, heads, rows, "no_signals"),
    )


def _filtered(filtered: Sequence[FilteredFacts], say: Wording) -> tuple[Block, ...]:
    gates = Counter(signal.filter for signal in filtered).most_common()
    rows = [
        (
            *say.names(signal.symbol, signal.name),
            say.term(signal.action),
            say.term(signal.filter),
            *_compared(signal.filter, signal.value, signal.threshold, say),
        )
        for signal in filtered
    ]
    shown = table(say, ("symbol", "name", "action", "gate", "value#", "threshold#"), rows, "no_gates")
    if not gates:
        return (shown,)
    counted = " · ".join(f"{term(gate, say.language)} {count}" for gate, count in gates)
    return (Remark(say("gates", gates=counted)), shown)


def _compared(gate: str, value: Figure, threshold: Figure, say: Wording) -> tuple[Cell, Cell]:
    """Return what a gate compared, with as many more decimals as it takes to see on which side it lay."""
    places = 0
    cells = _measured(gate, value, say, places), _measured(gate, threshold, say, places)
    while cells[0] == cells[1] and value != threshold and places < _MORE_DECIMALS:
        places += 1
        cells = _measured(gate, value, say, places), _measured(gate, threshold, say, places)
    return cells


def _measured(gate: str, value: Figure, say: Wording, more: int) -> Cell:
    if isinstance(value, float | int) and gate in _GATES_IN_PERCENT:
        return Cell(percent(value, 1 + more))
    return say.number(value, 2 + more)


def _actions(facts: DailyFacts, say: Wording) -> Table:
    rows = [
        (
            *say.names(action.symbol, action.name),
            Cell(_kind(action.kind, say)),
            say.quantity(action.quantity),
            say.amount(action.price),
            _weights(action.weight_before, action.weight_after, say),
            say.reason(action.reason),
        )
        for action in facts.actions
    ]
    heads = ("symbol", "name", "action", "quantity#", "close#", "weights#", "reason")
    return table(say, heads, rows, "no_actions")


def _kind(kind: str, say: Wording) -> str:
    # "close" is a price elsewhere.
    return say("exit") if kind == "close" and say.language == "ko" else term(kind, say.language)


def _weights(before: object, after: object, say: Wording) -> Cell:
    both = (say.share(before).text, say.share(after).text)  # type: ignore[arg-type]
    return Cell(" → ".join(both))


def _duties(facts: DailyFacts, say: Wording) -> tuple[Block, ...]:
    prices = (Remark(say("returns_are", rule=facts.returns)),) if facts.returns else ()
    return (*prices, *(Remark(say("duties_paid", rule=line)) for line in facts.duties))


def _fills(facts: DailyFacts, say: Wording) -> Table:
    rows = [
        (
            *say.names(fill.symbol, fill.name),
            say.term(fill.side),
            say.quantity(fill.quantity),
            say.amount(fill.price),
            say.amount(fill.fee),
            say.profit(fill.profit),
        )
        for fill in facts.fills
    ]
    heads = ("symbol", "name", "side", "quantity#", "price#", "fee#", "profit#")
    return table(say, heads, rows, "no_fills")


def _data(facts: DailyFacts, say: Wording) -> tuple[Block, ...]:
    rows = [
        (
            Cell(finding.symbol or "-"),
            say.term(finding.kind),
            say.term(finding.action),
            say.count(finding.count),
            Cell(finding.detail or "-"),
        )
        for finding in facts.findings
    ]
    found = table(say, ("symbol", "kind", "done", "count#", "detail"), rows, "no_findings")
    if not facts.without_bar:
        return (found,)
    return (Remark(say("without_bar", symbols=", ".join(facts.without_bar)), "warn"), found)


def failures(failed: Sequence[FailureFacts], say: Wording) -> tuple[Block, ...]:
    """Return what failed; nothing at all when nothing did."""
    if not failed:
        return ()
    rows = [(Cell(str(one.day or "-")), Cell(one.step), Cell(one.error, "loss")) for one in failed]
    return (table(say, ("day", "step", "error"), rows, "no_findings"),)


def positions(held: Sequence[PositionFacts], account: AccountFacts, say: Wording) -> tuple[Block, ...]:
    """Return what is held, with its weights and its profits as bars."""
    return (holdings(held, say), *_bars(held, account, say))


def holdings(held: Sequence[PositionFacts], say: Wording) -> Table:
    """Return what is held, the largest first."""
    by_weight = sorted(held, key=lambda one: -one.weight if isinstance(one.weight, float | int) else 0.0)
    rows = [
        (
            *say.names(position.symbol, position.name),
            say.quantity(position.quantity),
            say.amount(position.average_price),
            say.amount(position.price),
            say.amount(position.value),
            say.share(position.weight),
            say.profit(position.profit),
            say.change(position.profit_ratio),
            Cell("?" if position.opened is None else str(position.opened)),
        )
        for position in by_weight
    ]
    heads = (
        "symbol",
        "name",
        "quantity#",
        "average#",
        "close#",
        "worth#",
        "weight#",
        "profit#",
        "profit_ratio#",
        "opened",
    )
    return table(say, heads, rows, "no_positions")


def _bars(held: Sequence[PositionFacts], account: AccountFacts, say: Wording) -> tuple[Picture, ...]:
    if not held:
        return ()
    cash, equity = account.cash, account.equity
    shares = [(position.name or position.symbol, position.weight) for position in held]
    if isinstance(cash, float | int) and isinstance(equity, float | int) and equity > 0:
        shares.append((say("cash"), cash / equity))
    return (
        say.bars("weights", "chart_weights", shares, say.share),
        say.bars(
            "profit",
            "chart_profit",
            [(position.name or position.symbol, position.profit) for position in held],
            say.profit,
        ),
    )


def curve(
    equity: Curve, say: Wording, start: Figure = None, marks: Sequence[Mark] = (), benchmark: Curve = ()
) -> Picture:
    """Return the chart of equity and drawdown, from what the account began with where that is known."""
    wide, narrow = (
        equity_chart(
            equity,
            currency=say.currency,
            marks=marks,
            benchmark=benchmark,
            start=float(start) if isinstance(start, float | int) else None,
            language=say.language,
            width=width,
        )
        for width in (920, NARROW)
    )
    return Picture("equity", say("chart_equity"), wide, narrow)


def began(account: AccountFacts) -> Figure:
    """Return what an account started with, from its equity and its return since."""
    equity, gained = account.equity, account.total_return
    if isinstance(equity, float | int) and isinstance(gained, float | int) and gained > -1:
        return equity / (1 + gained)
    return None


def foot(made: int | None, say: Wording, what: str = "paper") -> tuple[str, ...]:
    """Return the last lines of a report."""
    lines = [say("legend"), say(what)]
    return tuple(lines) if made is None else (*lines, say("made", time=moment(made)))
