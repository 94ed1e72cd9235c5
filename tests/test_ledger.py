"""The ledger of losses is exact although writers report their figures again and again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from obs.keeping import ledger
from obs.keeping.ledger import Ledger
from obs.snapshot import Loss
from obs.spool_reader import Loss as ReaderLoss
from obs.spool_reader import SpoolBatch, WriterEnd


def batch(
    *,
    books: Mapping[str, Mapping[str, int]] | None = None,
    losses: list[ReaderLoss] | None = None,
    ended: list[WriterEnd] | None = None,
) -> SpoolBatch:
    return SpoolBatch([], losses or [], {}, ended or [], dict(books or {}), 0)


def end(process: str, lost: int) -> WriterEnd:
    return WriterEnd(process=process, resource={}, clean=False, last_time_ns=1, lost=lost)


def test_the_figures_of_a_writer_are_set_and_not_added() -> None:
    books = Ledger()

    for figure, now in ((2, 10), (2, 20), (5, 30)):
        books.take(batch(books={"aa": {"emitted": 90, "dropped.queue_full.INFO.bot.feed": figure}}), now)

    assert books.losses() == (Loss("queue_full", 5, "INFO", "bot.feed", first=10, last=30),)


def test_the_figures_of_several_writers_are_summed_by_reason_severity_and_component() -> None:
    books = Ledger()

    books.take(batch(books={"aa": {"dropped.queue_full.INFO.bot": 2}}), 10)
    books.take(batch(books={"bb": {"dropped.queue_full.INFO.bot": 3, "dropped.spool": 1}}), 20)

    assert books.losses() == (
        Loss("queue_full", 5, "INFO", "bot", first=10, last=20),
        Loss("spool", 1, first=20, last=20),
    )


def test_a_writer_that_ends_twice_is_counted_once() -> None:
    """Late words reopen an account; what it lost is said again, and may have shrunk."""
    books = Ledger()

    books.take(batch(ended=[end("aa", 7)]), 10)
    books.take(batch(ended=[end("aa", 7)]), 20)
    books.take(batch(ended=[end("bb", 1)]), 30)

    assert [(loss.reason, loss.count) for loss in books.losses()] == [("lost_with_process", 8)]


def test_what_the_reader_says_once_is_added_up() -> None:
    books = Ledger()
    torn = ReaderLoss("torn", 1, "x.seg", "")

    books.take(batch(losses=[torn, torn]), 10)
    books.take(batch(losses=[torn, ReaderLoss("lost_with_process", 9, "aa", "")]), 20)

    assert books.losses() == (Loss("torn", 3, first=10, last=20),)


def test_writers_of_long_ago_are_summed_up_and_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "KEPT_WRITERS", 3)
    books = Ledger()

    for number in range(10):
        books.take(batch(books={f"p{number}": {"dropped.spool": 1}}), 10 + number)

    assert len(books.writers) == 3
    assert books.losses() == (Loss("spool", 10, first=10, last=19),)


def test_the_ledger_comes_back_as_it_was() -> None:
    books = Ledger()
    books.take(batch(books={"aa": {"dropped.spool": 1}}, losses=[ReaderLoss("torn", 1, "x.seg", "")]), 10)
    books.ended["grid-1"] = 12

    assert Ledger.decode(books.encode()) == books
