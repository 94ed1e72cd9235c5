"""Questions to the history, for API, page and command line: read only, on connections of their own.

Any thread may ask. Answers are plain rows; what they mean in money is `obs.money`'s matter.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from obs.events import Severity
from obs.history import asking
from obs.history.answers import Coverage, EventRow, Point, Totals
from obs.history.tables import (
    AGENT_DAYS,
    CALLS,
    CONTRIBUTIONS,
    EXEMPLARS,
    MODEL_DAYS,
    ROLLUPS,
    TRADES,
)
from obs.history.terms import Term, for_server, for_sqlite, terms
from obs.keeping.sampling import MINUTE_NS
from obs.keeping.store_address import parse

__all__ = ["Coverage", "EventRow", "History", "HistoryError", "Point", "Totals"]


class HistoryError(Exception):
    """The history cannot be read now; the message says why and what to do."""


class History:
    """One store's history."""

    def __init__(self, where: Path | str) -> None:
        """Name the store; it is opened by the first question.

        Args:
            where: The file `obs.db`, or `postgresql://…`.

        Raises:
            AddressError: If a text is no address.
        """
        self._where = where
        self._is_file = isinstance(where, Path)
        if isinstance(where, Path):
            self._name = str(where)
            self._engine = asking.file_engine(where)
        else:
            address = parse(where)
            self._name = str(address)
            # Imported here: whoever keeps a file needs no driver for servers.
            from obs.keeping.store_server import engine_of

            self._engine = engine_of(address, asking.LONGEST_SECONDS, reads_only=True)

    def search(
        self,
        text: str = "",
        *,
        limit: int = 100,
        before_seq: int | None = None,
        after_seq: int | None = None,
        service: str | None = None,
        component: str | None = None,
        least_severity: Severity | int = 0,
        event_name: str | None = None,
        fingerprint: str | None = None,
        trace: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> list[EventRow]:
        """Return stored events, the newest first; those of a trace in the order in which they happened.

        Args:
            text: Words to find, see `obs.history.terms`; empty finds all.
            limit: Most rows.
            before_seq: Only rows before this number: the next page.
            after_seq: Only rows after this number.
            service: Only of this bot.
            component: Only of this part.
            least_severity: Only of this severity number or above.
            event_name: Only with this event word; one that ends with `*` is a beginning.
            fingerprint: Only of this issue, and of those that are merged into it; a beginning of at least 6
                digits will do.
            trace: Only of this trace: log lines, spans and what an issue is made of, told as one story.
            since: Only from this Unix ns on.
            until: Only before this Unix ns.

        Raises:
            HistoryError: If the store cannot be read, or the question takes too long.
        """
        asked = terms(text)
        if text.strip() and not any(not term.is_excluded for term in asked):
            return []
        table = EXEMPLARS.c
        where: list[sa.ColumnElement[bool]] = []
        if trace:
            # The words find it at once; only what is said to be its trace counts.
            asked.append(Term((trace,)))
            where.append(table.detail.contains(f'"trace_id":"{trace}"', autoescape=True))
        if service is not None:
            where.append(table.service == service)
        if component is not None:
            where.append(table.component == component)
        if least_severity:
            where.append(asking.at_least(int(least_severity)))
        if event_name:
            where.append(asking.named(event_name))
        with self._reading() as connection:
            if fingerprint:
                where.append(asking.of_issue(connection, fingerprint))
            first, last = before_seq, after_seq
            if since is not None or until is not None:
                bounds = asking.seqs(connection, since, until)
                if bounds is None:
                    return []
                last = max(bounds[0] - 1, last if last is not None else 0)
                first = min(bounds[1] + 1, first if first is not None else bounds[1] + 1)
                # A plus keeps the planner from the index on time, by which it would have to sort.
                where += asking.between(since, until)
            number = sa.literal_column("exemplars_words.rowid") if asked and self._is_file else table.seq
            if first is not None:
                where.append(number < first)
            if last is not None:
                where.append(number > last)
            query = sa.select(EXEMPLARS).where(*where)
            if asked:
                query = self._matching(query, asked)
            order = (table.time, number) if trace else (number.desc(),)
            query = query.order_by(*order).limit(max(0, min(limit, asking.MOST_ROWS)))
            return [asking.event(row) for row in connection.execute(query).mappings()]

    def event(self, short: str) -> EventRow | None:
        """Return the stored event of a short id, the newest if several share it; None when it is not kept.

        Raises:
            HistoryError: If the store cannot be read.
        """
        query = sa.select(EXEMPLARS).where(EXEMPLARS.c.short == short).order_by(EXEMPLARS.c.seq.desc())
        with self._reading() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
            return None if row is None else asking.event(row)

    def series(
        self,
        hours: int = 24,
        *,
        now: int,
        minutes: int = 1,
        service: str | None = None,
        component: str | None = None,
    ) -> list[Point]:
        """Return how many records of each severity came in each step of time, the oldest first.

        Args:
            hours: How far back.
            now: Unix ns.
            minutes: Length of a step; steps in which nothing came are left out.
            service: Only of this bot.
            component: Only of this part.

        Raises:
            HistoryError: If the store cannot be read.
        """
        until = now // MINUTE_NS
        table = ROLLUPS.c
        # By minute alone the rows come in the order of the key: no database has to sort them.
        sums = [sa.func.sum(table.count).filter(table.severity == number) for number in Severity]
        query = (
            sa.select(table.minute, *sums)
            .where(table.minute > until - hours * 60, table.minute <= until)
            .where(*asking.of(ROLLUPS, service=service, component=component))
            .group_by(table.minute)
            .order_by(table.minute)
        )
        found: dict[int, dict[str, int]] = {}
        with self._reading() as connection:
            for minute, *counts in connection.execute(query):
                step = found.setdefault(minute - minute % minutes, {})
                for severity, count in zip(Severity, counts, strict=True):
                    if count:
                        step[severity.name] = step.get(severity.name, 0) + int(count)
        return [Point(time=at * MINUTE_NS, counts=counts) for at, counts in found.items()]

    def coverage(self, *, since: int | None = None, until: int | None = None) -> Coverage:
        """Return how many records were counted in a span, and how many of them are kept to look up.

        Raises:
            HistoryError: If the store cannot be read.
        """
        table = ROLLUPS.c
        counted = sa.select(sa.func.coalesce(sa.func.sum(table.count), 0))
        if since is not None:
            counted = counted.where(table.minute >= since // MINUTE_NS)
        if until is not None:
            counted = counted.where(table.minute < -(-until // MINUTE_NS))
        kept = sa.select(sa.func.count(), sa.func.min(EXEMPLARS.c.time)).where(
            *asking.span(EXEMPLARS, since, until)
        )
        with self._reading() as connection:
            number, oldest = connection.execute(kept).one()
            return Coverage(
                counted=int(connection.execute(counted).scalar() or 0), kept=number, oldest=int(oldest or 0)
            )

    def trades(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        service: str | None = None,
        kind: str | None = "closed",
        limit: int = 1_000,
    ) -> list[dict[str, Any]]:
        """Return what was said of trades, the newest first, each with what its agents are credited with.

        Args:
            since: Unix ns, from then on.
            until: Unix ns, before it.
            service: Only of this bot.
            kind: `closed`, `opened`, `ended`, or None for all.
            limit: Most rows.

        Raises:
            HistoryError: If the store cannot be read.
        """
        query = sa.select(TRADES).where(
            *asking.span(TRADES, since, until), *asking.of(TRADES, service=service, kind=kind)
        )
        with self._reading() as connection:
            rows = asking.rows(connection, query.order_by(TRADES.c.time.desc(), TRADES.c.id.desc()), limit)
            known = {(row["service"], row["trade"]) for row in rows if row["trade"]}
            credited = asking.contributions(connection, known)
        for row in rows:
            row["contributions"] = credited.get((row["service"], row["trade"]), [])
        return rows

    def llm_calls(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        service: str | None = None,
        agent: str | None = None,
        model: str | None = None,
        limit: int = 1_000,
    ) -> list[dict[str, Any]]:
        """Return calls of language models, the newest first.

        Raises:
            HistoryError: If the store cannot be read.
        """
        where = asking.of(CALLS, service=service, agent=agent, model=model)
        query = sa.select(CALLS).where(*asking.span(CALLS, since, until), *where)
        with self._reading() as connection:
            return asking.rows(connection, query.order_by(CALLS.c.time.desc(), CALLS.c.id.desc()), limit)

    def agent_days(
        self, *, first: str = "", last: str = "9999", agent: str | None = None, service: str | None = None
    ) -> list[dict[str, Any]]:
        """Return what agents did and cost, a row for each day, model and currency, the oldest first.

        Args:
            first: Calendar day `YYYY-MM-DD`, of the configured zone.
            last: The same; both are included.
            agent: Only of this agent.
            service: Only of this bot.

        Raises:
            HistoryError: If the store cannot be read.
        """
        where = asking.of(AGENT_DAYS, agent=agent, service=service)
        query = sa.select(AGENT_DAYS).where(AGENT_DAYS.c.day.between(first, last), *where)
        with self._reading() as connection:
            return asking.rows(connection, query.order_by(*AGENT_DAYS.primary_key), asking.MOST_ROWS)

    def model_days(
        self, *, first: str = "", last: str = "9999", agent: str | None = None, model: str | None = None
    ) -> list[dict[str, Any]]:
        """Return each model's benchmark by day and agent, the oldest first.

        Args and Raises: as `agent_days`.
        """
        where = asking.of(MODEL_DAYS, agent=agent, model=model)
        query = sa.select(MODEL_DAYS).where(MODEL_DAYS.c.day.between(first, last), *where)
        with self._reading() as connection:
            return asking.rows(connection, query.order_by(*MODEL_DAYS.primary_key), asking.MOST_ROWS)

    def model_changes(
        self, *, since: int | None = None, until: int | None = None, agent: str | None = None
    ) -> list[dict[str, Any]]:
        """Return when an agent turned to a model it had not used for a day or more, the newest first.

        Raises:
            HistoryError: If the store cannot be read.
        """
        table = MODEL_DAYS.c
        names = (table.changed_at, table.service, table.agent, table.provider, table.model, table.previous)
        query = sa.select(*names).where(
            table.changed_at > (since or 0) - 1 if since else table.changed_at > 0,
            *asking.of(MODEL_DAYS, agent=agent),
        )
        if until is not None:
            query = query.where(table.changed_at < until)
        with self._reading() as connection:
            return asking.rows(connection, query.order_by(table.changed_at.desc()), asking.MOST_ROWS)

    def totals(self, *, since: int | None = None, until: int | None = None) -> Totals:
        """Return exact sums over trades, calls and credits of a span.

        Raises:
            HistoryError: If the store cannot be read.
        """
        with self._reading() as connection:
            trades, pnl = asking.sums(connection, TRADES, "pnl", since, until, TRADES.c.kind == "closed")
            calls, cost = asking.sums(connection, CALLS, "cost", since, until)
            _, credited = asking.sums(connection, CONTRIBUTIONS, "amount", since, until)
        return Totals(trades=trades, pnl=pnl, calls=calls, cost=cost, credited=credited)

    def close(self) -> None:
        """Let go of the store."""
        self._engine.dispose()

    def _matching(self, query: sa.Select[Any], asked: list[Any]) -> sa.Select[Any]:
        if self._is_file:
            words = sa.text("exemplars_words MATCH :asked").bindparams(asked=for_sqlite(asked))
            index = sa.table("exemplars_words", sa.column("rowid"))
            return query.join(index, index.c.rowid == EXEMPLARS.c.seq).where(words)
        words = sa.text("search @@ to_tsquery('simple', :asked)").bindparams(asked=for_server(asked))
        return query.where(words)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                if self._is_file:
                    asking.give_up_after(connection, asking.LONGEST_SECONDS)
                yield connection
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, struct.error) as error:
            raise HistoryError(asking.explained(error, self._name)) from error
