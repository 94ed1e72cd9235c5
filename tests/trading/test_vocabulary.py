"""The words in `docs/events.md`, in `trading.logs` and in what the bots say are the same words."""

from __future__ import annotations

import logging
import re

import pytest

from tests.conftest import REPO
from tests.trading.conftest import Run, collected
from trading.logs import COMMON, EVENTS, TRACE, BotLog, log_event

TEXT = (REPO / "docs" / "events.md").read_text(encoding="utf-8")
LEVELS = {
    "TRACE": TRACE,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
OURS = {"event_name"}
PLAIN = set(vars(logging.makeLogRecord({}))) | {"taskName", "message", "asctime"}


def documented() -> dict[str, tuple[tuple[int, ...], frozenset[str]]]:
    rows = re.findall(r"^\| `([\w.]+)` \| ([A-Z ]+) \| [^|]+ \| ([^|]+) \|$", TEXT, re.MULTILINE)
    return {
        name: (
            tuple(LEVELS[word] for word in words.split()),
            frozenset(re.findall(r"`([\w.]+)`", attributes)),
        )
        for name, words, attributes in rows
    }


def test_the_page_tells_every_event_with_its_severities_and_attributes() -> None:
    assert documented() == {name: (word.levels, word.attributes) for name, word in EVENTS.items()}


def test_the_page_explains_every_attribute_once() -> None:
    section = TEXT.partition("## Attributes")[2]
    explained = re.findall(r"^\| `([\w.]+)` \| [^|]+ \|$", section, re.MULTILINE)

    assert explained == sorted(COMMON.union(*(word.attributes for word in EVENTS.values())))


@pytest.mark.parametrize("kind", ["healthy", "faulty"])
def test_the_bots_say_only_words_of_the_vocabulary(kind: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(kind)

    for record in run.records:
        said = set(vars(record)) - PLAIN
        assert {"bot.id", "strategy.name", "run.mode", "service.version"} <= said
        name = getattr(record, "event_name", None)
        word = EVENTS[name] if name else None
        assert said - OURS - COMMON <= (word.attributes if word else frozenset()), (name, record.getMessage())
        assert word is None or record.levelno in word.levels, (name, record.levelname)


@pytest.mark.parametrize("kind", ["healthy", "faulty"])
def test_amounts_have_a_currency_and_attributes_are_flat(kind: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(kind)

    for record in run.records:
        given = {key: value for key, value in vars(record).items() if key not in PLAIN}
        assert all(isinstance(value, str | int | float | bool) for value in given.values()), given
        assert "currency" in given or not any(key.startswith(("pnl.", "equity")) for key in given), given


def test_a_record_names_the_line_that_spoke_and_keeps_its_template() -> None:
    with collected() as records:
        BotLog("bot-1", "test").event("bot.started", {"reason": None}, "bot %s started", "bot-1")
        log_event(logging.getLogger("x"), "bot.stopped", {}, "stopped")

    assert [record.filename for record in records] == ["test_vocabulary.py"] * 2
    assert (records[0].msg, records[0].getMessage()) == ("bot %s started", "bot bot-1 started")
    assert not hasattr(records[0], "reason")
