"""The history: exemplar events with full-text search, counts by minute, trades, model calls and their days.

Revision 0002. The columns are told where they are used, in `obs.history.tables`; here they stand as they were
when this revision was released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer, "sqlite")

SEARCH_SQLITE = (
    # The index holds no text of its own; letters keep their accents, as PostgreSQL's simple search does.
    "CREATE VIRTUAL TABLE exemplars_words USING fts5(body, words, content='exemplars', content_rowid='seq',"
    " tokenize='unicode61 remove_diacritics 0')",
    "CREATE TRIGGER exemplars_added AFTER INSERT ON exemplars BEGIN INSERT INTO exemplars_words"
    "(rowid, body, words) VALUES (new.seq, new.body, new.words); END",
    "CREATE TRIGGER exemplars_gone AFTER DELETE ON exemplars BEGIN INSERT INTO exemplars_words"
    "(exemplars_words, rowid, body, words) VALUES ('delete', old.seq, old.body, old.words); END",
)
PUNCTUATION = '!"#$&()*+,-./:;<=>?@[\\]^_`{|}~'
"""For PostgreSQL's parser, which takes `BTC/USDT` for a file name: the same words as SQLite finds."""
SEARCH_SERVER = (
    "ALTER TABLE exemplars ADD COLUMN search tsvector GENERATED ALWAYS AS (to_tsvector('simple',"
    f" translate(body || ' ' || words, '{PUNCTUATION}', '{' ' * len(PUNCTUATION)}'))) STORED",
    "CREATE INDEX exemplars_search ON exemplars USING gin (search)",
)


def upgrade() -> None:
    """Make the tables and the search index."""
    _events()
    _trades()
    _models()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SEARCH_SQLITE if is_sqlite else SEARCH_SERVER:
        op.get_bind().exec_driver_sql(statement)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _amounts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _index(table: str, suffix: str, *columns: str, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        f"{table}_{suffix}", table, list(columns), sqlite_where=condition, postgresql_where=condition
    )


def _events() -> None:
    op.create_table(
        "rollups",
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        *_keys("service", "component"),
        sa.Column("severity", sa.SmallInteger, primary_key=True, autoincrement=False),
        *_numbers("count", "seen"),
        sqlite_with_rowid=False,
    )
    _index("rollups", "seen", "seen")
    op.create_table(
        "exemplars",
        sa.Column("seq", IDENTITY, primary_key=True),
        sa.Column("uid", sa.Text, nullable=False, unique=True),
        *_texts("short"),
        *_numbers("time"),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        *_texts("service", "component", "logger", "event_name", "fingerprint", "body", "words", "detail"),
        *_numbers("seen"),
        sqlite_autoincrement=True,
    )
    _index("exemplars", "short", "short")
    _index("exemplars", "time", "time")
    _index("exemplars", "service", "service", "seq")
    _index("exemplars", "event", "event_name", "seq", where="event_name <> ''")
    _index("exemplars", "issue", "fingerprint", "seq", where="fingerprint <> ''")
    _index("exemplars", "trouble", "seq", where="severity >= 13")


def _trades() -> None:
    op.create_table(
        "trade_records",
        sa.Column("id", IDENTITY, primary_key=True),
        sa.Column("uid", sa.Text, nullable=False, unique=True),
        *_numbers("time"),
        *_texts("service", "kind", "position", "trade", "symbol", "side"),
        *_numbers("entered", "closed"),
        *_amounts("quantity", "entry_price", "exit_price", "pnl", "fees", "ratio"),
        *_texts("currency", "mode", "strategy", "decision", "reason", "regime"),
        *_numbers("seen"),
        sqlite_autoincrement=True,
    )
    _index("trade_records", "time", "time")
    _index("trade_records", "position", "service", "position")
    op.create_table(
        "trade_contributions",
        sa.Column("id", IDENTITY, primary_key=True),
        sa.Column("uid", sa.Text, nullable=False, unique=True),
        *_numbers("time"),
        *_texts("service", "trade", "agent", "amount", "currency", "method"),
        *_amounts("llm_cost"),
        *_texts("llm_currency"),
        *_amounts("fx_rate"),
        *_texts("mode"),
        *_numbers("seen"),
        sqlite_autoincrement=True,
    )
    _index("trade_contributions", "trade", "service", "trade")
    _index("trade_contributions", "time", "time")


def _models() -> None:
    op.create_table(
        "llm_usage_log",
        sa.Column("id", IDENTITY, primary_key=True),
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
        sqlite_autoincrement=True,
    )
    _index("llm_usage_log", "time", "time")
    op.create_table(
        "agent_performance",
        *_keys("day", "service", "agent", "model", "currency"),
        *_numbers("trades", "wins"),
        *_texts("contribution"),
        *_numbers("calls", "failed", "unpriced", "input_tokens", "output_tokens"),
        *_texts("cost"),
        *_numbers("seen"),
    )
    _index("agent_performance", "seen", "seen")
    op.create_table(
        "model_evolution_history",
        *_keys("day", "service", "agent", "provider", "model", "currency"),
        *_numbers("first", "last", "calls", "failed", "cut", "unpriced", "input_tokens", "output_tokens"),
        sa.Column("duration_ms", sa.Float, nullable=False),
        *_numbers("timed"),
        *_texts("cost", "previous"),
        *_numbers("changed_at", "seen"),
    )
    _index("model_evolution_history", "agent", "service", "agent", "last")
    _index("model_evolution_history", "seen", "seen")
