"""Text that no encoding has costs nothing but its own looks: the record is kept, counted and shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs import rules
from obs.analysis import Analyzer
from obs.briefing import render
from obs.events import Event, ExceptionInfo, Severity
from obs.pipeline import AsyncLogProcessor
from obs.repairing import repaired, whole
from obs.sidecar import Sidecar
from obs.state import State

NOW = 1_763_632_800_000_000_000
RULES = rules.load()
LONE = "\ud800"
texts = st.text(
    st.characters(codec=None, exclude_categories=()) | st.sampled_from("\ud800\udfffab가"), max_size=8
)
values = st.recursive(
    texts | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
events = st.builds(
    Event,
    timestamp=st.just(NOW),
    severity=st.sampled_from(Severity),
    body=texts,
    severity_text=texts,
    logger=texts,
    template=texts,
    event_name=texts | st.sampled_from(["order.filled", "llm.completed", "process.exited", "alert.fired"]),
    attributes=st.dictionaries(
        texts | st.sampled_from(["symbol", "order.id", "component"]), values, max_size=3
    ),
    resource=st.dictionaries(st.just("service.name") | texts, texts, max_size=2),
    exception=st.none() | st.builds(ExceptionInfo, type=texts, message=texts, stacktrace=texts),
    trace_id=texts,
    span_id=texts,
    uid=texts,
)


@given(events)
def test_whatever_text_an_event_holds_it_is_folded_stored_and_shown(event: Event) -> None:
    analyzer = Analyzer(RULES)

    analyzer.feed(event, service="bot" + LONE)

    stored = State.decode(analyzer.state.encode())
    assert stored.events == 1
    assert analyzer.state.repaired == (repaired(event) is not event)
    page = render(analyzer.snapshot(now=NOW, live=True))
    assert page.encode()


@given(events)
def test_what_is_whole_stays_the_same_object_and_the_rest_changes_only_in_its_broken_text(
    event: Event,
) -> None:
    mended = repaired(event)

    assert repaired(mended) is mended
    assert msgspec.json.encode(mended)
    if mended is event:
        assert msgspec.json.encode(event)
    else:
        with pytest.raises(UnicodeEncodeError):
            msgspec.json.encode(event)


def test_a_broken_character_is_written_as_the_handler_writes_it() -> None:
    assert whole(f"lone {LONE} 가") == "lone \\ud800 가"


def test_the_rule_of_a_broken_record_is_found_and_its_line_is_shown_with_escapes() -> None:
    analyzer = Analyzer(RULES)

    analyzer.feed(Event(timestamp=NOW, severity=Severity.ERROR, body=f"Insufficient balance for {LONE}"))

    (issue,) = analyzer.snapshot(now=NOW).issues
    assert "\\ud800" in issue.evidence[0].text


def test_a_broken_record_is_processed_not_dropped_and_the_briefing_tells_how_many_there_were() -> None:
    analyzer = Analyzer(RULES)

    def fold(event: Event) -> Event:
        analyzer.feed(event)
        return event

    processor = AsyncLogProcessor([fold])

    async def add() -> bool:
        taken = await processor.add_log_entry(
            {"timestamp": NOW, "severity": "ERROR", "body": f"order {LONE} lost"}
        )
        return taken and await processor.wait_for_completion()

    assert asyncio.run(add())

    assert (processor.counts().processed, processor.counts().dropped) == (1, 0)
    assert "1 records held text that is no Unicode" in render(analyzer.snapshot(now=NOW))


def test_a_sidecar_that_is_handed_a_broken_record_stores_it_and_goes_on(tmp_path: Path) -> None:
    event = Event(timestamp=NOW, body="fill", attributes={"order.id": LONE}, event_name="order.filled")
    with Sidecar(tmp_path) as sidecar:
        assert sidecar.accept(event)
        assert sidecar.flush()
        assert sidecar.fault == ""
    with Sidecar(tmp_path) as sidecar:
        assert (sidecar.state.events, sidecar.state.repaired) == (1, 1)


def test_merged_states_count_the_repaired_of_both() -> None:
    one, two = Analyzer(RULES), Analyzer(RULES)
    broken = Event(timestamp=NOW, body=LONE)
    one.feed(broken)
    two.feed(broken)

    one.state.merge(two.state)

    assert one.state.repaired == 2
