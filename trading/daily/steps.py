"""The ten steps of a daily run. Each is a function of the desk, the session day and the products before it.

A step can be done twice: what it writes replaces what it wrote before. So a run that was killed goes on with
the step it was in, and only a message needs more care (`trading.notify` remembers what was sent).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import NamedTuple, TypeVar

import msgspec

from trading.bars import time_of
from trading.daily import telling
from trading.daily.book import advance
from trading.daily.desk import Desk
from trading.daily.files import signal_csv, write_whole
from trading.daily.gathering import (
    bars_of_session,
    book_before,
    findings_of,
    short_finding,
    split_finding,
    unnamed_before,
)
from trading.daily.planning import clock_of
from trading.daily.products import (
    Chosen,
    Dated,
    Ended,
    Judged,
    Phase,
    Reported,
    Saved,
    Sent,
    Summed,
    Told,
    Written,
)
from trading.daily.rows import (
    action_rows,
    facts_of,
    fill_rows,
    filtered_row,
    performance_row,
    position_rows,
    signal_row,
    summed,
    trade_rows,
)
from trading.duties import duties_of
from trading.reporting.facts import DailyFacts
from trading.signals.fitting import chosen_params, unfit, year_of
from trading.signals.params import params_of

__all__ = ["STEPS", "Products", "Step"]


_Kind = TypeVar("_Kind", bound=msgspec.Struct)


class Products:
    """What the steps of a session have produced so far."""

    def __init__(self) -> None:
        self._made: dict[type[msgspec.Struct], msgspec.Struct] = {}

    def put(self, product: msgspec.Struct) -> None:
        """Keep a product; there is one of each kind."""
        self._made[type(product)] = product

    def get(self, kind: type[_Kind]) -> _Kind:
        """Return the product of a kind."""
        product = self._made[kind]
        assert isinstance(product, kind)
        return product


class Step(NamedTuple):
    """One of the ten."""

    name: str
    """As the journal has it."""
    work: Callable[[Desk, date, Products], msgspec.Struct]
    product: type[msgspec.Struct]


def _as_of(desk: Desk, day: date, made: Products) -> Dated:
    sessions = desk.sessions
    run = desk.store.journal.run(day)
    return Dated(
        as_of=day,
        calendar=sessions.name,
        close=clock_of(sessions.close_of(day), sessions.zone),
        attempt=run["attempts"] if run else 1,
    )


def _params(desk: Desk, day: date, made: Products) -> Chosen:
    path = desk.settings.signals.params
    calendar = desk.settings.market.calendar
    year = year_of(calendar)
    params = chosen_params(path, year)
    # Once a run: sessions that are caught up have the same parameters.
    misfits = unfit(params, calendar, year, path) if day == desk.chain[-1] else ()
    for misfit in misfits:
        # Not what to write instead: whoever reads logs would take it for a broken file.
        desk.say(logging.WARNING, "parameters: %s; `trading check` tells the mend", misfit.what)
    values = asdict(params)
    document = {"version": 1, "regimes": values.pop("regimes"), "params": values}
    text = msgspec.json.encode(document, order="deterministic")
    digest = hashlib.sha256(text).hexdigest()[:16]
    # As JSON has it, so that a restarted run reads the very same document.
    return Chosen(
        path=str(path) if path.exists() else "",
        digest=digest,
        document=msgspec.json.decode(text),
        warnings=tuple(misfit.text for misfit in misfits),
    )


def _signals(desk: Desk, day: date, made: Products) -> Judged:
    params = params_of(made.get(Chosen).document)
    settings, currency = desk.settings, desk.settings.market.currency
    market = desk.market
    names = {each.symbol: each.name or each.symbol for each in market.universe}
    lots = {each.symbol: each.lot for each in market.universe}
    duties = duties_of({each.symbol: each.duties for each in market.universe}, settings.account.duties)
    bars = bars_of_session(desk, day, list(names))
    engine, market_before = desk.tape.engine_before(day, params, list(names))
    book = book_before(desk, day)
    is_first = book.session is None
    equity_before = None if is_first else book.equity
    done = advance(
        book,
        time_of(day),
        bars,
        desk.tape.closes,
        engine,
        settings.account,
        lots=lots,
        duties=duties,
        periods_per_year=params.periods_per_year,
        is_total=market.is_total,
    )
    verdict = done.verdict
    desk.tape.remember(verdict.market)
    about = {"strategy": params.score, "regime": verdict.regime or "", "currency": currency}
    judged = Judged(
        source=market.source.name,
        names=names,
        without_bar=tuple(symbol for symbol in names if symbol not in bars),
        findings=(
            *findings_of(desk, day),
            *short_finding(desk, day, params),
            *map(split_finding, done.splits),
        ),
        book=done.book,
        equity_before=equity_before,
        fills=done.fills,
        trades=done.trades,
        returns=market.returns(names),
        duties=tuple(duties.lines(day)),
        asked=done.asked,
        entered=done.entered,
        actions=done.actions,
        signals=tuple(signal_row(each, names.get(each.symbol, ""), **about) for each in verdict.signals),
        filtered=tuple(
            filtered_row(each, names.get(each.signal.symbol, ""), **about) for each in verdict.filtered
        ),
        market=verdict.market,
        market_before=market_before,
    )
    telling.session(
        desk.log, judged, verdict, currency=currency, params=params, slippage=settings.account.slippage
    )
    return judged


def _summary(desk: Desk, day: date, made: Products) -> Summed:
    judged = made.get(Judged)
    return summed(judged, sum(fill.fee for fill in judged.fills))


def _csv(desk: Desk, day: date, made: Products) -> Written:
    rows = made.get(Judged).signals
    path = desk.settings.paths.reports / "realtime" / f"signals_{day}.csv"
    digest = write_whole(path, signal_csv(str(day), rows))
    return Written(path=str(path), rows=len(rows), sha256=digest)


def _database(desk: Desk, day: date, made: Products) -> Saved:
    judged = made.get(Judged)
    actions = action_rows(judged, desk.settings.market.currency)
    desk.store.signals.save(day, passed=judged.signals, filtered=judged.filtered, actions=actions)
    return Saved(signals=len(judged.signals), filtered=len(judged.filtered), actions=len(actions))


def _regime(desk: Desk, day: date, made: Products) -> Phase:
    judged = made.get(Judged)
    previous = judged.market_before.regime if judged.market_before else None
    if judged.market is None:
        return Phase(regime=None, previous=previous)
    state = judged.market
    return Phase(
        regime=state.regime,
        previous=previous,
        trend=state.trend,
        momentum=state.momentum,
        volatility=state.volatility,
    )


def _report(desk: Desk, day: date, made: Products) -> Reported:
    # Templates are read only here.
    from trading.reporting.writing import write_report

    facts, language = _facts(desk, day, made), desk.settings.notify.language
    desk.store.signals.save_facts(day, msgspec.json.encode(facts).decode(), desk.clock())
    folder = desk.settings.paths.reports / "daily"
    # What a killed run was writing has no name of its own yet.
    for left in folder.glob(f".{day}*.part"):
        left.unlink(missing_ok=True)
    return Reported(paths=tuple(map(str, write_report(facts, folder, language))))


def _notification(desk: Desk, day: date, made: Products) -> Told:
    if not desk.has_channels:
        text = f"nobody to tell: {desk.settings.notify.secret} is not there"
        desk.say(logging.WARNING, "%s", text)
        return Told(note=text)
    # Templates are read only here.
    from trading.notify import messages

    facts = msgspec.json.decode(desk.store.signals.facts(day) or "", type=DailyFacts)
    language = desk.settings.notify.language
    wanted = [messages.daily(facts, language)]
    if any(action.kind != "keep" for action in facts.actions):
        wanted.append(messages.rebalancing(facts, language))
    newest = desk.chain[-1]
    # One that was begun before may be on its way: then it is asked for, not replaced.
    if day != newest and not desk.knows(wanted[0].key):
        return Told(told_with=newest, note=f"named in the message of {newest}")
    sent = []
    for message in wanted:
        outcome = desk.send(message)
        sent.append(
            Sent(
                kind=message.kind,
                key=message.key,
                state=outcome.state,
                channel=outcome.channel,
                duplicate=outcome.duplicate,
                ok=outcome.ok,
                detail=outcome.detail,
            )
        )
    return Told(messages=tuple(sent))


def _done(desk: Desk, day: date, made: Products) -> Ended:
    judged, total, currency = made.get(Judged), made.get(Summed), desk.settings.market.currency
    strategy = str(made.get(Chosen).document["params"]["score"])
    performance = performance_row(judged, total, made.get(Phase), strategy=strategy, currency=currency)
    desk.store.ledger.save(
        day,
        performance={**performance, "made_ns": desk.clock()},
        positions=position_rows(total, currency),
        fills=fill_rows(judged, currency),
        trades=trade_rows(judged, currency),
        state=msgspec.json.encode(judged.book).decode(),
    )
    return Ended(line=telling.summary(day, judged, total, made.get(Phase), currency))


STEPS: tuple[Step, ...] = (
    Step("as-of", _as_of, Dated),
    Step("params", _params, Chosen),
    Step("signals", _signals, Judged),
    Step("summary", _summary, Summed),
    Step("csv", _csv, Written),
    Step("database", _database, Saved),
    Step("regime", _regime, Phase),
    Step("report", _report, Reported),
    Step("notification", _notification, Told),
    Step("done", _done, Ended),
)
"""In their order."""


def _facts(desk: Desk, day: date, made: Products) -> DailyFacts:
    judged = made.get(Judged)
    before = [row for row in desk.store.ledger.performance() if row["session"] < str(day)]
    curve = [(time_of(date.fromisoformat(row["session"])), float(row["equity"])) for row in before]
    missed, skipped = unnamed_before(desk, day)
    return facts_of(
        made.get(Dated),
        made.get(Chosen),
        judged,
        made.get(Summed),
        made.get(Phase),
        currency=desk.settings.market.currency,
        now=desk.clock(),
        equity=(*curve, (time_of(day), judged.book.equity)),
        missed=missed,
        failures=skipped,
        following=desk.sessions.next(day),
    )
