"""Batches of rows into the tables, inside the transaction that stores checkpoint and State.

An event's row is written once, whatever comes twice; sums of days grow only with rows that are new, and
exactly. A row that the database will not take costs only itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from obs.history.days import Day, agent_days, model_days
from obs.history.inserting import Row, insert
from obs.history.rows import Batch, Exemplar
from obs.history.tables import (
    AGENT_DAYS,
    CALLS,
    CONTRIBUTIONS,
    EXEMPLARS,
    MODEL_DAYS,
    ROLLUPS,
    TRADES,
)
from obs.money.entries import Credit, LlmCall, TradeEntry

__all__ = ["write"]

ASKED_AT_ONCE = 500
"""Ids looked up by one statement."""


def write(connection: sa.Connection, batches: Sequence[Batch]) -> int:
    """Write batches, all of which are new; return how many rows the database refused."""
    refused = 0
    for batch in batches:
        refused += _rollups(connection, batch)
        exemplars = [_exemplar(one, batch.seen) for one in sorted(batch.exemplars, key=_when)]
        refused += insert(connection, EXEMPLARS, exemplars)
        refused += insert(connection, TRADES, [_trade(one, batch.seen) for one in batch.trades])
        credited = _new(connection, CONTRIBUTIONS, batch.credits)
        refused += insert(connection, CONTRIBUTIONS, [_credit(one, batch.seen) for _, one in credited])
        calls = _new(connection, CALLS, batch.calls)
        refused += insert(connection, CALLS, [_call(one, batch.seen) for _, one in calls])
        _add_days(connection, AGENT_DAYS, agent_days(credited, calls), batch.seen)
        _add_days(connection, MODEL_DAYS, model_days(calls), batch.seen)
    return refused


def _rollups(connection: sa.Connection, batch: Batch) -> int:
    rows = [(*key, count, batch.seen) for key, count in batch.rollups.items()]
    return insert(
        connection,
        ROLLUPS,
        rows,
        "(minute, service, component, severity) DO UPDATE SET"
        " count = rollups.count + excluded.count, seen = excluded.seen",
    )


def _when(one: Exemplar) -> int:
    return one.time


def _exemplar(one: Exemplar, seen: int) -> Row:
    return (*msgspec.structs.astuple(one), seen)


def _trade(one: TradeEntry, seen: int) -> Row:
    return (
        *(one.uid, one.time, one.service, one.kind, one.position, one.trade, one.symbol, one.side),
        *(one.entered, one.left),
        *map(_text, (one.quantity, one.entry_price, one.exit_price, one.pnl, one.fees, one.ratio)),
        *(one.currency, one.mode, one.strategy, one.decision, one.reason, one.regime, seen),
    )


def _credit(one: Credit, seen: int) -> Row:
    return (
        *(one.uid, one.time, one.service, one.trade, one.agent, _text(one.amount), one.currency, one.method),
        *(_text(one.llm_cost), one.llm_currency, _text(one.fx_rate), one.mode, seen),
    )


def _call(one: LlmCall, seen: int) -> Row:
    return (
        *(one.uid, one.time, one.service, one.agent, one.provider, one.model, one.operation),
        *(one.input_tokens, one.cached_tokens, one.written_tokens, one.output_tokens, one.reasoning_tokens),
        *(one.duration_ms, one.error, int(one.is_cut), one.decision, one.conversation),
        *(_text(one.cost), one.currency, one.basis, one.price, _text(one.reported), one.reported_currency),
        *(one.mode, seen),
    )


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _new(connection: sa.Connection, table: sa.Table, found: Iterable[tuple[str, Any]]) -> list[Any]:
    """Return what is not stored yet, each id once."""
    by_uid = {one.uid: (day, one) for day, one in found}
    uids = list(by_uid)
    for start in range(0, len(uids), ASKED_AT_ONCE):
        asked = uids[start : start + ASKED_AT_ONCE]
        for uid in connection.execute(sa.select(table.c.uid).where(table.c.uid.in_(asked))).scalars():
            del by_uid[uid]
    return list(by_uid.values())


def _add_days(
    connection: sa.Connection, table: sa.Table, days: Mapping[tuple[str, ...], Day], seen: int
) -> None:
    """Add to the rows of days; sums of amounts are made here, as no database adds decimals in text."""
    keys = [column.name for column in table.primary_key]
    for key, day in days.items():
        which = sa.and_(*(table.c[name] == value for name, value in zip(keys, key, strict=True)))
        known = connection.execute(sa.select(table).where(which)).mappings().first()
        if table is MODEL_DAYS and known is None:
            day.follow(_last_use(connection, key))
        row = day.joined(dict(known) if known is not None else {})
        if known is None:
            connection.execute(sa.insert(table).values(**dict(zip(keys, key, strict=True)), **row, seen=seen))
        else:
            connection.execute(sa.update(table).where(which).values(**row, seen=seen))


def _last_use(connection: sa.Connection, key: tuple[str, ...]) -> Sequence[tuple[str, int]]:
    """Return which models this agent used when last, for each model its last use."""
    _, service, agent, *_ = key
    last = sa.func.max(MODEL_DAYS.c.last)
    query = (
        sa.select(MODEL_DAYS.c.model, last)
        .where(MODEL_DAYS.c.service == service, MODEL_DAYS.c.agent == agent)
        .group_by(MODEL_DAYS.c.model)
    )
    return [(str(model), int(at)) for model, at in connection.execute(query)]
