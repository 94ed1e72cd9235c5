"""The tables of the history, as revision 0002 makes them.

Times are Unix nanoseconds, minutes are counted since 1970. An amount is the text of a decimal and has its
currency beside it; the columns of an aggregate are kept by currency, so nothing is ever added across two.
`seen` is when a row was stored: by it rows grow old, also those of a recording from last year.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = [
    "AGENT_DAYS",
    "CALLS",
    "CONTRIBUTIONS",
    "EXEMPLARS",
    "MODEL_DAYS",
    "ROLLUPS",
    "TRADES",
    "metadata",
]

metadata = sa.MetaData()
Identity = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers rows by itself in columns of this very type only."""


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _amounts(*names: str) -> list[sa.Column[str]]:
    """Amounts that may be unknown: null, which is not 0."""
    return [sa.Column(name, sa.Text) for name in names]


ROLLUPS = sa.Table(
    "rollups",
    metadata,
    sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("component", sa.Text, primary_key=True),
    sa.Column("severity", sa.SmallInteger, primary_key=True, autoincrement=False),
    *_numbers("count", "seen"),
    sa.Index("rollups_seen", "seen"),
    sqlite_with_rowid=False,
)
"""How many records of each severity each part of each bot wrote in each minute; exact."""

EXEMPLARS = sa.Table(
    "exemplars",
    metadata,
    sa.Column("seq", Identity, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False, unique=True),
    *_texts("short"),
    *_numbers("time"),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    *_texts("service", "component", "logger", "event_name", "fingerprint", "body", "words", "detail"),
    *_numbers("seen"),
    sa.Index("exemplars_short", "short"),
    sa.Index("exemplars_time", "time"),
    sa.Index("exemplars_service", "service", "seq"),
    sa.Index(
        "exemplars_event",
        "event_name",
        "seq",
        sqlite_where=sa.text("event_name <> ''"),
        postgresql_where=sa.text("event_name <> ''"),
    ),
    sa.Index(
        "exemplars_issue",
        "fingerprint",
        "seq",
        sqlite_where=sa.text("fingerprint <> ''"),
        postgresql_where=sa.text("fingerprint <> ''"),
    ),
    sa.Index(
        "exemplars_trouble",
        "seq",
        sqlite_where=sa.text("severity >= 13"),
        postgresql_where=sa.text("severity >= 13"),
    ),
    sqlite_autoincrement=True,
)
"""Events kept as examples of their kind; full-text search runs over `body` and `words`."""

TRADES = sa.Table(
    "trade_records",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False, unique=True),
    *_numbers("time"),
    *_texts("service", "kind", "position", "trade", "symbol", "side"),
    *_numbers("entered", "closed"),
    *_amounts("quantity", "entry_price", "exit_price", "pnl", "fees", "ratio"),
    *_texts("currency", "mode", "strategy", "decision", "reason", "regime"),
    *_numbers("seen"),
    sa.Index("trade_records_time", "time"),
    sa.Index("trade_records_position", "service", "position"),
    sqlite_autoincrement=True,
)
"""What was said of each trade: `kind` is `opened`, `closed` or `ended` (see `obs.money.entries`)."""

CONTRIBUTIONS = sa.Table(
    "trade_contributions",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False, unique=True),
    *_numbers("time"),
    *_texts("service", "trade", "agent", "amount", "currency", "method"),
    *_amounts("llm_cost"),
    *_texts("llm_currency"),
    *_amounts("fx_rate"),
    *_texts("mode"),
    *_numbers("seen"),
    sa.Index("trade_contributions_trade", "service", "trade"),
    sa.Index("trade_contributions_time", "time"),
    sqlite_autoincrement=True,
)
"""What each agent is credited with of a trade; a child of `trade_records` by service and trade."""

CALLS = sa.Table(
    "llm_usage_log",
    metadata,
    sa.Column("id", Identity, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False, unique=True),
    *_numbers("time"),
    *_texts("service", "agent", "provider", "model", "operation"),
    sa.Column("input_tokens", sa.BigInteger),
    *_numbers("cached_tokens", "written_tokens"),
    sa.Column("output_tokens", sa.BigInteger),
    *_numbers("reasoning_tokens"),
    sa.Column("duration_ms", sa.Float),
    *_texts("error"),
    sa.Column("is_cut", sa.SmallInteger, nullable=False),
    *_texts("decision", "conversation"),
    *_amounts("cost"),
    *_texts("currency", "basis", "price"),
    *_amounts("reported"),
    *_texts("reported_currency", "mode"),
    *_numbers("seen"),
    sa.Index("llm_usage_log_time", "time"),
    sqlite_autoincrement=True,
)
"""One row for each call of a language model."""

AGENT_DAYS = sa.Table(
    "agent_performance",
    metadata,
    *(
        sa.Column(name, sa.Text, primary_key=True)
        for name in ("day", "service", "agent", "model", "currency")
    ),
    *_numbers("trades", "wins"),
    *_texts("contribution"),
    *_numbers("calls", "failed", "unpriced", "input_tokens", "output_tokens"),
    *_texts("cost"),
    *_numbers("seen"),
    sa.Index("agent_performance_seen", "seen"),
)
"""Each agent's day: what it is credited with (under no model), and what each of its models did and cost."""

MODEL_DAYS = sa.Table(
    "model_evolution_history",
    metadata,
    *(
        sa.Column(name, sa.Text, primary_key=True)
        for name in ("day", "service", "agent", "provider", "model", "currency")
    ),
    *_numbers("first", "last", "calls", "failed", "cut", "unpriced", "input_tokens", "output_tokens"),
    sa.Column("duration_ms", sa.Float, nullable=False),
    *_numbers("timed"),
    *_texts("cost"),
    *_texts("previous"),
    *_numbers("changed_at", "seen"),
    sa.Index("model_evolution_history_agent", "service", "agent", "last"),
    sa.Index("model_evolution_history_seen", "seen"),
)
"""Each model's day in each agent: its benchmark, and whether the agent began to use it then.

`changed_at` is when the agent turned to this model after a day or more without it, else 0; `previous` is the
model it had used last before. `duration_ms` is the sum over `timed` calls.
"""
