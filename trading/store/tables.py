"""The tables of both files, as the newest migration leaves them.

`signals.db` holds what was said (signals, filtered signals, actions, the steps of each daily run, the facts
of each report), `performance.db` what came of it (account, positions, fills, trades) and the backtests.
Sessions are ISO dates, times Unix ns, ratios fractions, amounts in the row's `currency`; JSON is text. A test
holds this module equal to what the migrations make.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["performance", "signals"]

signals = sa.MetaData()
"""Tables of `signals.db`."""
performance = sa.MetaData()
"""Tables of `performance.db`."""


def _session() -> sa.Column[str]:
    return sa.Column("session", sa.Text, nullable=False)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def _figures(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float) for name in names]


def _needed(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float, nullable=False) for name in names]


runs = sa.Table(
    "runs",
    signals,
    sa.Column("session", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_ns", sa.BigInteger, nullable=False),
    sa.Column("finished_ns", sa.BigInteger),
    *_texts("told_with", "error"),
    sa.CheckConstraint("status IN ('running', 'done', 'failed', 'skipped')", name="known_status"),
)
"""One row for each session day; `told_with` is the session whose message named a missed one."""

run_steps = sa.Table(
    "run_steps",
    signals,
    sa.Column("session", sa.Text, sa.ForeignKey("runs.session", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_ns", sa.BigInteger, nullable=False),
    sa.Column("finished_ns", sa.BigInteger),
    *_texts("produced", "error"),
    sa.PrimaryKeyConstraint("session", "step"),
    sa.CheckConstraint("status IN ('running', 'done', 'failed')", name="known_status"),
)
"""What each step of a run produced, as JSON: what a restarted run goes on from."""

_SIGNAL = ("confidence", "weight", "price", "score", "rsi", "ma_ratio", "momentum", "volatility")

passed = sa.Table(
    "signals",
    signals,
    _session(),
    sa.Column("symbol", sa.Text, nullable=False),
    *_texts("name", "action"),
    *_figures(*_SIGNAL),
    *_texts("reason", "agent", "strategy", "regime", "currency"),
    sa.PrimaryKeyConstraint("session", "symbol"),
    sa.CheckConstraint("action IN ('buy', 'sell', 'hold')", name="known_action"),
)
"""Signals that passed every gate."""

filtered = sa.Table(
    "filtered_signals",
    signals,
    _session(),
    sa.Column("symbol", sa.Text, nullable=False),
    *_texts("name", "action"),
    *_figures(*_SIGNAL),
    *_texts("reason", "agent", "strategy", "regime", "currency", "filter"),
    *_figures("value", "threshold"),
    sa.PrimaryKeyConstraint("session", "symbol", "filter"),
)
"""Signals that a gate stopped, with the gate."""

actions = sa.Table(
    "actions",
    signals,
    _session(),
    sa.Column("symbol", sa.Text, nullable=False),
    *_texts("name", "kind"),
    *_figures("quantity", "price", "weight_before", "weight_after"),
    *_texts("reason", "currency"),
    sa.PrimaryKeyConstraint("session", "symbol"),
)
"""What shall be done at the open after the session; kind is open, increase, reduce, close or keep."""

facts = sa.Table(
    "facts",
    signals,
    sa.Column("session", sa.Text, primary_key=True),
    sa.Column("made_ns", sa.BigInteger, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
)
"""`trading.reporting.facts.DailyFacts` of the session as JSON: what its report was made from."""

daily_performance = sa.Table(
    "daily_performance",
    performance,
    sa.Column("session", sa.Text, primary_key=True),
    *_needed("equity", "cash"),
    *_figures("day_profit", "day_return"),
    *_needed("total_return", "drawdown", "fees", "exposure"),
    *(
        sa.Column(name, sa.Integer, nullable=False)
        for name in ("positions", "signals", "filtered", "actions")
    ),
    *_texts("regime", "strategy", "currency"),
    sa.Column("made_ns", sa.BigInteger, nullable=False),
)
"""The account at each session's close; `fees` are the day's."""


def _of_day() -> sa.Column[str]:
    return sa.Column(
        "session", sa.Text, sa.ForeignKey("daily_performance.session", ondelete="CASCADE"), nullable=False
    )


position_snapshots = sa.Table(
    "position_snapshots",
    performance,
    _of_day(),
    sa.Column("symbol", sa.Text, nullable=False),
    *_texts("name"),
    *_needed("quantity", "average_price"),
    *_figures("price", "value", "weight", "profit", "profit_ratio"),
    *_texts("opened", "currency"),
    sa.PrimaryKeyConstraint("session", "symbol"),
)
"""What was held at each session's close."""

fills = sa.Table(
    "fills",
    performance,
    _of_day(),
    sa.Column("number", sa.Integer, nullable=False),
    *_texts("symbol", "name", "side"),
    *_needed("quantity", "price", "fee"),
    *_figures("profit"),
    *_texts("reason", "currency"),
    sa.PrimaryKeyConstraint("session", "number"),
)
"""What was bought and sold on paper in the session."""

trades = sa.Table(
    "trades",
    performance,
    _of_day(),
    sa.Column("number", sa.Integer, nullable=False),
    *_texts("symbol", "name"),
    sa.Column("entry_time", sa.BigInteger, nullable=False),
    sa.Column("exit_time", sa.BigInteger, nullable=False),
    *_needed("quantity", "entry_price", "exit_price", "profit", "return_ratio"),
    *_texts("reason", "currency"),
    sa.PrimaryKeyConstraint("session", "number"),
)
"""Positions, or parts of one, that were closed in the session; profit after fees."""

account_states = sa.Table(
    "account_states",
    performance,
    _of_day(),
    sa.Column("state", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("session"),
)
"""The whole paper account after each session as JSON: what the next session goes on from."""

strategies = sa.Table(
    "strategies",
    performance,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    *_texts("kind", "description"),
    sa.Column("config", sa.Text, nullable=False),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("updated_ns", sa.BigInteger, nullable=False),
)
"""A named rule with its settings."""

backtests = sa.Table(
    "backtests",
    performance,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("strategy_id", sa.Text, sa.ForeignKey("strategies.id", ondelete="RESTRICT"), nullable=False),
    *_texts("name", "description"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("config", sa.Text, nullable=False),
    *_texts("trigger", "requested_by", "owner", "error_type", "error"),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("started_ns", sa.BigInteger),
    sa.Column("finished_ns", sa.BigInteger),
    sa.CheckConstraint(
        "status IN ('pending', 'running', 'completed', 'failed', 'interrupted')", name="known_status"
    ),
    sa.Index("backtests_newest", "strategy_id", "status", "created_ns"),
)
"""A backtest that was asked for, and how far it is; `owner` names the process that runs it."""

backtest_results = sa.Table(
    "backtest_results",
    performance,
    sa.Column("backtest_id", sa.Text, sa.ForeignKey("backtests.id", ondelete="CASCADE"), primary_key=True),
    *_needed("total_return"),
    *_figures("cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "win_rate", "fees"),
    sa.Column("trades", sa.Integer, nullable=False),
    *_texts("currency", "data_hash"),
    sa.Column("duration_ms", sa.Float),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("made_ns", sa.BigInteger, nullable=False),
)
"""What a completed backtest came to; `result` holds trades, equity and all other figures as JSON."""
