"""Rhythm: hatched where work was due and none came, dotted where nothing was due."""

from __future__ import annotations

from obs.events import Severity
from obs.web.model import Cell, Mark, Page
from obs.web.page import page
from tests.builders import SECOND
from tests.scenarios.playing import Story
from tests.web.days import HOUR, KRX_OPEN, MINUTE, text, well, work

MISSING, NOT_DUE = -2, -1


def cell(made: Page, bot: str, stage: str) -> Cell:
    row = next(one for one in made.rhythm.rows if one.bot == bot)
    return next(one for one in row.cells if one.stage == stage)


def silent_feed() -> Story:
    """Candles for two hours, then only heartbeats for one more."""
    story = Story()
    work(story, "maps", until=2 * HOUR)
    for step in range(120):
        story.say(2 * HOUR + step * 30, "heartbeat", {"bot.state": "running"}, bot="maps")
    return story


def test_a_stage_on_time_has_every_bar_filled() -> None:
    shown = cell(page(well().picture()), "grid-1", "candles")

    assert (shown.state, shown.every, shown.mark) == ("on_time", "of 1\u00a0min", None)
    assert len(shown.bars) == 60
    assert min(shown.bars) > 0


def test_alive_but_useless_is_a_full_heartbeat_beside_a_hatched_cell() -> None:
    made = page(silent_feed().picture())

    assert cell(made, "maps", "heartbeats").state == "on_time"
    candles = cell(made, "maps", "candles")
    assert (candles.state, candles.mark, text(candles.label)) == ("late", Mark.ERROR, "<age>")
    assert candles.bars[-19:] == (MISSING,) * 19
    assert MISSING not in candles.bars[:40]
    assert candles.spoken == "Candles: none for 1\u00a0h, expected every 1\u00a0min"


def test_a_closed_market_is_dotted_and_says_when_it_opens() -> None:
    story = Story()
    end = KRX_OPEN + 8 * HOUR
    work(story, "maps-kr", until=KRX_OPEN + 6.5 * HOUR, symbol="005930.KS", begin=KRX_OPEN)
    for step in range(180):
        story.say(KRX_OPEN + 6.5 * HOUR + step * 30, "heartbeat", {"bot.state": "running"}, bot="maps-kr")

    made = page(story.picture(end), zone="Asia/Seoul")

    candles = cell(made, "maps-kr", "candles")
    assert candles.state == "closed"
    assert text(candles.label) == "opens <clock>"
    assert set(candles.bars[-25:]) == {NOT_DUE}
    assert text(made.issues.ahead).startswith("Next: KRX opens at <clock>, in <wait>")


def test_heartbeats_go_on_while_the_market_is_closed() -> None:
    made = page(well().picture())

    assert cell(made, "maps-kr", "heartbeats").state == "on_time"


def test_before_a_bot_began_nothing_was_due() -> None:
    story = Story()
    work(story, "late", until=3 * HOUR, begin=2 * HOUR)

    bars = cell(page(story.picture()), "late", "candles").bars

    assert bars[0] == NOT_DUE
    assert MISSING not in bars


def test_a_bot_that_was_stopped_owes_nothing_and_one_that_died_does() -> None:
    story = Story()
    for bot in ("good", "bad"):
        work(story, bot, until=2 * HOUR)
    story.say(2 * HOUR, "bot.stopped", {"bot.state": "stopped"}, bot="good")
    story.say(2 * HOUR, "process.exited", {"process.exit_code": 1}, bot="bad")

    made = page(story.picture(3 * HOUR))

    assert set(cell(made, "good", "candles").bars[-18:]) == {NOT_DUE}
    assert set(cell(made, "bad", "candles").bars[-18:]) == {MISSING}
    assert [row.detail for row in made.rhythm.rows] == ["live · died", "live · stopped"]


def test_a_stage_that_nobody_speaks_of_is_not_told_and_never_late() -> None:
    made = page(well().picture())

    assert text(cell(made, "grid-1", "signals").label) == "not told"
    assert text(cell(made, "grid-1", "orders").label) == "waits for signals"
    assert not cell(made, "grid-1", "signals").bars


def test_a_bot_that_speaks_no_words_has_the_rhythm_of_its_lines() -> None:
    story = Story()
    for step in range(200):
        story.write(step * 30, "loop done", bot="plain", severity=Severity.INFO)

    made = page(story.picture())

    assert [key for key, _ in made.rhythm.stages] == ["records"]
    assert cell(made, "plain", "records").state == "on_time"


def test_what_varies_is_told_as_a_range() -> None:
    story = Story()
    at = 0.0
    for step in range(60):
        at += (3 if step % 2 else 9) * MINUTE
        story.say(at, "signal.generated", {"symbol": "BTC/USDT"}, bot="grid")

    shown = cell(page(story.picture()), "grid", "signals")

    assert shown.every == "3–9\u00a0min"


def test_refused_orders_stand_instead_of_their_age() -> None:
    story = well()
    for number in range(4):
        refused = {
            "order.id": f"r{number}",
            "symbol": "BTC/USDT",
            "error.type": "invalid",
            "order.type": "limit",
        }
        story.say(4 * HOUR + number, "order.submitted", {"order.id": f"r{number}"}, bot="grid-1")
        story.say(4 * HOUR + number + 0.5, "order.rejected", refused, bot="grid-1")

    shown = cell(page(story.picture()), "grid-1", "orders")

    assert (shown.state, text(shown.label)) == ("failed", "4 refused")


def test_the_last_bar_ends_with_the_minute_of_the_picture() -> None:
    taken = well().picture()

    end = page(taken).rhythm.end

    assert 0 < end * 1_000_000 - taken.taken_at <= 60 * SECOND
