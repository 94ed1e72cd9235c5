"""The figures beside the verdict, and what is open in each currency: with a stop, without, or not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from obs.insight.ranking import Stake, stake_of
from obs.money.amounts import Money
from obs.snapshot import Issue, Snapshot
from obs.standing import Holding
from obs.web.model import Amount, Exposure, ExposurePart, Figure, Mark, Rich, Span
from obs.web.numbers import NONE, UNKNOWN, joined, ms, ratio
from obs.web.reader import Reader
from obs.web.rows import is_open, mark_of

__all__ = ["by_currency", "exposures", "figures", "open_amounts"]

LEAST_SHARE = 0.06
"""A part that is worth next to nothing, or nobody knows what, can still be seen."""
ORDER = ("none", "unknown", "bot", "undecided", "stop")


def figures(snapshot: Snapshot, reader: Reader) -> tuple[Figure, ...]:
    """Return the four figures: unprotected, open, result and LLM cost of today."""
    return (
        _unprotected(snapshot, reader),
        _open(snapshot, reader),
        _result(snapshot, reader),
        _cost(snapshot, reader),
    )


def exposures(snapshot: Snapshot, reader: Reader) -> tuple[Exposure, ...]:
    """Return one bar for each currency, that of most positions first."""
    undecided = _undecided(snapshot)
    return tuple(
        _exposure(currency, held, undecided, reader) for currency, held in by_currency(snapshot.held).items()
    )


def by_currency(held: Iterable[Holding]) -> dict[str, list[Holding]]:
    """Return positions by currency, never added across them: bare ones first, then that of most positions."""
    found: dict[str, list[Holding]] = {}
    for one in held:
        found.setdefault(one.currency, []).append(one)

    def key(item: tuple[str, list[Holding]]) -> tuple[int, int, str]:
        currency, each = item
        return -sum(one.protection == "none" for one in each), -len(each), currency

    return dict(sorted(found.items(), key=key))


def open_amounts(held: Iterable[Holding]) -> tuple[Money, ...]:
    """Return what is open, by currency, as far as it is valued."""
    return tuple(
        Money(sum((one.value for one in each if one.value is not None), Decimal(0)), currency)
        for currency, each in by_currency(held).items()
        if any(one.value is not None for one in each)
    )


def tells_positions(snapshot: Snapshot) -> bool:
    """Whether any bot says what it holds: only then is no position a known zero."""
    return any(bot.tells_positions for bot in snapshot.standings)


def _unprotected(snapshot: Snapshot, reader: Reader) -> Figure:
    label = reader.say("figure.unprotected")
    bare = [one for one in snapshot.held if one.protection == "none"]
    unsure = [one for one in snapshot.held if one.protection == "unknown"]
    if not snapshot.held:
        return _empty("unprotected", label, snapshot, reader)
    if not bare and len(unsure) == len(snapshot.held):
        more = reader.say.rich("figure.stops_unknown", n=len(unsure))
        return Figure(key="unprotected", label=label, amount=Amount(UNKNOWN), more=more)
    if not bare:
        currency = next(iter(by_currency(snapshot.held)))
        guarded = sum(one.protection == "stop" for one in snapshot.held)
        more = reader.say.rich("figure.stops", n=guarded, all=len(snapshot.held))
        more += _more(
            reader, inside=sum(one.protection == "bot" for one in snapshot.held), unsure=len(unsure)
        )
        return Figure(key="unprotected", label=label, amount=reader.amount(Decimal(0), currency), more=more)
    groups = by_currency(bare)
    first = next(iter(groups))
    since = min(one.unprotected_at for one in bare)
    more = reader.say.rich(
        "figure.bare", n=len(bare), all=len(snapshot.held), age=Span(since=ms(since)) if since else UNKNOWN
    )
    return Figure(
        key="unprotected",
        label=label,
        amount=_sum(groups[first], first, reader),
        mark=Mark.CRITICAL,
        more=_spaced(more, _others(groups, reader)) + _more(reader, unsure=len(unsure)),
    )


def _spaced(first: Rich, second: Rich) -> Rich:
    return (*first, Span(" "), *second) if first and second else first or second


def _more(reader: Reader, *, inside: int = 0, unsure: int = 0) -> Rich:
    found: Rich = ()
    if inside:
        found += reader.say.rich("figure.in_bot", n=inside)
    if unsure:
        found += reader.say.rich("figure.not_known", n=unsure)
    return found


def _open(snapshot: Snapshot, reader: Reader) -> Figure:
    label = reader.say("figure.open")
    if not snapshot.held:
        return _empty("open", label, snapshot, reader)
    groups = by_currency(snapshot.held)
    first = next(iter(groups))
    more = _others(groups, reader)
    if all(one.is_simulated for one in snapshot.held):
        more = _spaced((Span(reader.say("figure.simulated")),), more)
    return Figure(key="open", label=label, amount=_sum(groups[first], first, reader), more=more)


def _empty(key: str, label: str, snapshot: Snapshot, reader: Reader) -> Figure:
    if tells_positions(snapshot):
        return Figure(key=key, label=label, amount=Amount("0"), more=reader.say.rich("figure.flat"))
    return Figure(key=key, label=label, amount=Amount(UNKNOWN), more=reader.say.rich("figure.untold"))


def _sum(held: Sequence[Holding], currency: str, reader: Reader) -> Amount:
    """What some positions of one currency come to; unknown when none of them is valued."""
    valued = [one.value for one in held if one.value is not None]
    return reader.amount(sum(valued, Decimal(0)) if valued else None, currency)


def _others(groups: dict[str, list[Holding]], reader: Reader) -> Rich:
    rest = list(groups.items())[1:]
    if not rest:
        return ()
    return (Span("+ " + " + ".join(joined(_sum(held, currency, reader)) for currency, held in rest)),)


def _result(snapshot: Snapshot, reader: Reader) -> Figure:
    label, money = reader.say("figure.pnl"), snapshot.money
    if money is None:
        return Figure(key="pnl", label=label, amount=Amount(UNKNOWN))
    if not money.settled:
        key = "figure.no_trade" if not money.open_trades else "figure.open_trades"
        return Figure(
            key="pnl", label=label, amount=Amount(NONE), more=reader.say.rich(key, n=money.open_trades)
        )
    # What is held says which currency its owner thinks in first; amounts of two cannot be compared.
    held = list(by_currency(snapshot.held))
    results = sorted(money.total_pnl_today, key=lambda one: (one.currency not in held, one.currency))
    first, *rest = results or [Money(Decimal(0), "")]
    told = [reader.money(one, sign=True) for one in rest] or [reader.say("figure.settled", n=money.settled)]
    if money.is_simulated:
        told.append(reader.say("figure.simulated"))
    return Figure(
        key="pnl",
        label=label,
        amount=reader.amount(first.amount, first.currency, sign=True),
        more=(Span(", ".join(told)),),
    )


def _cost(snapshot: Snapshot, reader: Reader) -> Figure:
    label, money = reader.say("figure.llm"), snapshot.money
    if money is None:
        return Figure(key="llm", label=label, amount=Amount(UNKNOWN))
    if not money.calls_today:
        return Figure(key="llm", label=label, amount=Amount(NONE), more=reader.say.rich("figure.no_call"))
    if not money.total_cost_today:
        more = reader.say.rich("figure.unpriced", n=money.unpriced_today)
        return Figure(key="llm", label=label, amount=Amount(UNKNOWN), more=more)
    first, *rest = money.total_cost_today
    budget = money.budget
    told = []
    mark = None
    if budget is not None and budget.currency == first.currency and budget.amount:
        share = first.amount / budget.amount
        mark = Mark.WARNING if share >= 1 else None
        shown = reader.amount(budget.amount, budget.currency).text
        told.append(reader.say("figure.budget", share=ratio(share), budget=shown))
    told += [reader.money(one) for one in rest]
    if money.unpriced_today:
        told.append(reader.say("figure.unpriced", n=money.unpriced_today))
    if not told:
        told.append(reader.say("figure.calls", n=money.calls_today))
    amount = reader.amount(first.amount, first.currency)
    return Figure(key="llm", label=label, amount=amount, mark=mark, more=(Span(", ".join(told)),))


def _undecided(snapshot: Snapshot) -> dict[str, Issue]:
    """Bot -> the open issue for which nobody decides on its positions."""
    found: dict[str, Issue] = {}
    for issue in snapshot.issues:
        if issue.cause is None and is_open(issue) and stake_of(issue) is Stake.UNMANAGED:
            for name in issue.services:
                found.setdefault(name, issue)
    return found


def _exposure(
    currency: str, held: Sequence[Holding], undecided: dict[str, Issue], reader: Reader
) -> Exposure:
    kinds: dict[str, list[Holding]] = {}
    for one in held:
        lost = one.protection == "stop" and one.service in undecided
        kinds.setdefault("undecided" if lost else one.protection, []).append(one)
    total = sum((one.value for one in held if one.value is not None), Decimal(0))
    ordered = sorted(kinds.items(), key=lambda item: ORDER.index(item[0]))
    shares = [_share(each, total) for _, each in ordered]
    parts = tuple(
        ExposurePart(
            amount=_sum(each, currency, reader),
            label=reader.say(f"stop.{kind}"),
            share=round(share / sum(shares), 4),
            is_hatched=kind in ("none", "undecided"),
            mark=_mark(kind, each, undecided),
        )
        for (kind, each), share in zip(ordered, shares, strict=True)
    )
    return Exposure(currency, parts, ", ".join(f"{joined(part.amount)} {part.label}" for part in parts))


def _share(held: Sequence[Holding], total: Decimal) -> float:
    valued = sum((one.value for one in held if one.value is not None), Decimal(0))
    return max(float(valued / total), LEAST_SHARE) if total else 1.0


def _mark(kind: str, held: Sequence[Holding], undecided: dict[str, Issue]) -> Mark | None:
    if kind == "none":
        return Mark.CRITICAL
    if kind == "undecided":
        return mark_of(undecided[held[0].service])
    return Mark.UNKNOWN if kind == "unknown" else None
