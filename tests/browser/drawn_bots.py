"""The three drawn bots: their rhythm over three hours, and what each has open."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from obs.web.model import Amount, Bot, Cell, Exposure, ExposurePart, Mark, Rhythm, RhythmRow
from tests.browser.spans import ago, only, strong

__all__ = ["BOTS", "bots", "exposure", "rhythm"]

BOTS = ("grid-1", "maps-kr", "llm-swing")
STAGES = ("Heartbeat", "Ticks", "Candles", "Signals", "LLM answers", "Orders")
KEYS = ("heartbeat", "tick", "candle", "signal", "llm", "order")
DETAILS = ("live · 1,240.50 USDT", "live · 1,420,000 KRW", "live · 620.00 USDT")
CLOSED, MISSING = -1, -2
BARS = 60


def bots(*marks: Mark) -> tuple[Bot, ...]:
    """The bots of the top bar, in the order of `BOTS`."""
    return tuple(Bot(name=name, mark=mark, mode="live") for name, mark in zip(BOTS, marks, strict=True))


def exposure(*, well: bool = False) -> tuple[Exposure, ...]:
    """What is open in each currency."""
    if well:
        return (
            Exposure("USDT", (_part("1,860.50", "USDT", "stop set", 1),), "1,860.50 USDT, stop set"),
            Exposure("KRW", (_part("1,420,000", "KRW", "stop set", 1),), "1,420,000 KRW, stop set"),
        )
    bare = _part("1,240.50", "USDT", "no stop", 0.6668, mark=Mark.CRITICAL)
    undecided = _part("1,420,000", "KRW", "stop set, no exit signals", 1, mark=Mark.ERROR)
    return (
        Exposure(
            "USDT",
            (bare, _part("620.00", "USDT", "stop set", 0.3332)),
            "1,240.50 USDT without a stop, 620.00 USDT with one",
        ),
        Exposure("KRW", (undecided,), "1,420,000 KRW, stop set, no exit signals"),
    )


def rhythm(now: int, feed_stopped: int) -> Rhythm:
    """The drawn trouble: refused orders, a silent candle feed, an agent that asks too often."""
    since = Cell(
        stage="candle",
        state="late",
        last=feed_stopped,
        label=(ago(feed_stopped),),
        mark=Mark.ERROR,
        bars=_closed(9, even(3, 6), [MISSING] * 45),
        spoken="Candles: none for 2 h 14 min, expected every minute, market open",
    )
    none = _bad("signal", "late", "none today", Mark.ERROR, _closed(15, [], [MISSING] * 45))
    refused = _bad("order", "failed", "4 refused", Mark.CRITICAL, [*sparse(1, 57), *[MISSING] * 3])
    repeats = _bad("llm", "often", "41 in 20 min", Mark.WARNING, [*sparse(8, 53), *[7] * 7])
    stalled = Cell(
        stage="order",
        state="late",
        last=now - 14 * 60_000,
        label=(strong("none in "), ago(now - 14 * 60_000)),
        mark=Mark.ERROR,
        bars=(*sparse(5, 57), *[MISSING] * 3),
        spoken="Orders: none in 14 min, the exchange does not answer",
    )
    rows = (
        (Mark.CRITICAL, (*_grid(now), _idle("llm", "unused", "not used"), refused)),
        (
            Mark.ERROR,
            (
                _cell("heartbeat", now - 11_000, "30 s", even(6)),
                _cell("tick", now - 2_000, "5 s", _closed(9, rough(36, 51), [])),
                since,
                none,
                _idle("llm", "unused", "not used"),
                _idle("order", "waiting", "waits for signals"),
            ),
        ),
        (Mark.ERROR, (*_swing(now), repeats, stalled)),
    )
    return _rhythm(now, rows)


def calm_rhythm(now: int) -> Rhythm:
    """Every stage on time, one market still closed."""
    opens = [_idle(key, "closed", "opens 09:00", (CLOSED,) * BARS) for key in ("tick", "candle", "signal")]
    rows = (
        (
            Mark.OK,
            (
                *_grid(now),
                _idle("llm", "unused", "not used"),
                _cell("order", now - 240_000, "11 min", sparse(1)),
            ),
        ),
        (
            Mark.OK,
            (
                _cell("heartbeat", now - 11_000, "30 s", even(6)),
                *opens,
                _idle("llm", "unused", "not used"),
                _idle("order", "closed", "market closed"),
            ),
        ),
        (
            Mark.OK,
            (
                *_swing(now),
                _cell("llm", now - 180_000, "10 min", sparse(4)),
                _cell("order", now - 1_860_000, "1 h", sparse(5)),
            ),
        ),
    )
    return _rhythm(now, rows)


def even(count: int, bars: int = BARS) -> list[int]:
    """A steady rhythm, one bar in seven a touch lower."""
    return [count - (at % 5 == 3 and count > 4) for at in range(bars)]


def rough(count: int, bars: int = BARS) -> list[int]:
    """A lively rhythm, never silent."""
    chance = Random(count)
    return [count - chance.randrange(count // 3) for _ in range(bars)]


def sparse(seed: int, bars: int = BARS) -> list[int]:
    """Now and then."""
    chance = Random(seed)
    return [chance.choice((1, 2, 2)) if chance.random() < 0.3 else 0 for _ in range(bars)]


def _grid(now: int) -> tuple[Cell, ...]:
    return (
        _cell("heartbeat", now - 4_000, "30 s", even(6)),
        _cell("tick", now - 300, "1 s", rough(180)),
        _cell("candle", now - 32_000, "1 min", even(3)),
        _cell("signal", now - 240_000, "3–9 min", sparse(2), ranged=True),
    )


def _swing(now: int) -> tuple[Cell, ...]:
    return (
        _cell("heartbeat", now - 9_000, "30 s", even(6)),
        _cell("tick", now - 800, "1 s", rough(180)),
        _cell("candle", now - 120_000, "5 min", even(3)),
        _cell("signal", now - 480_000, "5–30 min", sparse(3), ranged=True),
    )


def _rhythm(now: int, rows: tuple[tuple[Mark, tuple[Cell, ...]], ...]) -> Rhythm:
    return Rhythm(
        stages=tuple(zip(KEYS, STAGES, strict=True)),
        rows=tuple(
            RhythmRow(bot=bot, mark=mark, detail=detail, cells=cells)
            for bot, detail, (mark, cells) in zip(BOTS, DETAILS, rows, strict=True)
        ),
        end=now,
    )


def _cell(stage: str, last: int, every: str, bars: Sequence[int], *, ranged: bool = False) -> Cell:
    name = STAGES[KEYS.index(stage)]
    return Cell(
        stage=stage,
        state="on_time",
        last=last,
        every=every if ranged else f"of {every}",
        bars=tuple(bars),
        spoken=f"{name}: on time, expected every {every}",
    )


def _bad(stage: str, state: str, label: str, mark: Mark, bars: Sequence[int]) -> Cell:
    name = STAGES[KEYS.index(stage)]
    return Cell(
        stage=stage,
        state=state,
        label=(strong(label),),
        mark=mark,
        bars=tuple(bars),
        spoken=f"{name}: {label}",
    )


def _idle(stage: str, state: str, label: str, bars: tuple[int, ...] = ()) -> Cell:
    name = STAGES[KEYS.index(stage)]
    return Cell(stage=stage, state=state, label=only(label), bars=bars, spoken=f"{name}: {label}")


def _closed(dots: int, worked: list[int], missed: list[int]) -> tuple[int, ...]:
    return (*[CLOSED] * dots, *worked, *missed)


def _part(amount: str, currency: str, label: str, share: float, *, mark: Mark | None = None) -> ExposurePart:
    return ExposurePart(
        amount=Amount(amount, currency), label=label, share=share, is_hatched=mark is not None, mark=mark
    )
