"""Charts keep extremes and gaps, no text meets another, foreign text is escaped."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.charts import Bar, Mark, bar_chart, equity_chart
from trading.drawing import text_width
from trading.scales import Point, date_text, drawdowns, nice_ticks, segments, thinned, time_ticks

DAY = 86_400 * 1_000_000_000
SVG = "{http://www.w3.org/2000/svg}"
START = (date(2012, 1, 2) - date(1970, 1, 1)).days * DAY


def days(values: list[float], start: int = START) -> list[Point]:
    return [(start + index * DAY, value) for index, value in enumerate(values)]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in parsed(svg).iter(f"{SVG}text")]


def wave(count: int) -> list[float]:
    return [1e7 + 2e6 * math.sin(i / 90) + 1e5 * math.sin(i * 1.7) for i in range(count)]


values = st.one_of(
    st.floats(min_value=-1e15, max_value=1e15),
    st.sampled_from([0.0, 1.0, 1e7, math.nan, math.inf, 1e-9]),
)


@given(
    st.lists(values, min_size=1, max_size=40),
    st.sampled_from(["en", "ko"]),
    st.sampled_from([380, 920]),
    st.lists(st.tuples(st.integers(-2, 45), st.booleans(), st.floats(-1e6, 1e6)), max_size=12),
)
def test_any_curve_is_a_drawing_without_a_nan_within_its_frame(
    curve: list[float], language: str, width: int, trades: list[tuple[int, bool, float]]
) -> None:
    marks = [Mark(START + day * DAY, "exit" if is_exit else "entry", gain) for day, is_exit, gain in trades]

    svg = equity_chart(days(curve), currency="KRW", marks=marks, language=language, width=width)  # type: ignore[arg-type]

    root = parsed(svg)
    assert root.get("width") == str(width)
    for shape in root.iter():
        for name in ("points", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy"):
            numbers = [float(n) for n in re.split(r"[ ,]", shape.get(name, "0"))]
            assert all(
                math.isfinite(n) and -1 <= n <= max(width, float(root.get("height", 0))) for n in numbers
            )


@pytest.mark.parametrize("width", [380, 920])
@pytest.mark.parametrize("count", [2, 5, 40, 250, 2600])
def test_no_text_meets_another(count: int, width: int) -> None:
    marks = [Mark(START + day * DAY, "entry") for day in range(0, count, 7)]
    marks += [Mark(START + day * DAY, "exit", (-1.0) ** day) for day in range(3, count, 7)]

    svg = equity_chart(
        days(wave(count)), currency="KRW", marks=marks, benchmark=days(wave(count)), width=width
    )

    boxes = []
    for node in parsed(svg).iter(f"{SVG}text"):
        wide = text_width(node.text or "", bold=node.get("class") == "tc-strong") * 0.95
        x, y = float(node.get("x", 0)), float(node.get("y", 0))
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[node.get("text-anchor", "start")]
        assert left >= 0
        assert left + wide <= width + 1, node.text
        boxes.append((left, left + wide, y - 9, y + 2, node.text))
    for index, (left, right, top, bottom, name) in enumerate(boxes):
        for other in boxes[index + 1 :]:
            is_apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
            assert is_apart, (name, other[4])


def test_ten_years_keep_their_highest_and_deepest_day() -> None:
    curve = [1e6] * 3650
    curve[1234], curve[2345] = 9e6, 1e5

    svg = equity_chart(days(curve), currency="USD")

    (line,) = [node for node in parsed(svg).iter(f"{SVG}polyline") if node.get("class") == "tc-line"]
    ys = [float(point.split(",")[1]) for point in line.get("points", "").split()]
    assert len(ys) < 2000
    # The scale leaves 6 % above and below, on 230 pixels.
    assert max(ys) - min(ys) == pytest.approx(230 / 1.12, abs=0.2)
    assert any("98.9%" in text and date_text(START + 2345 * DAY) in text for text in texts(svg))


def test_a_gap_is_not_bridged_and_a_lone_value_is_a_dot() -> None:
    svg = equity_chart(days([1.0, 2.0, math.nan, 2.5, math.nan, 3.0, 2.0]), currency="USD")

    lines = [node for node in parsed(svg).iter(f"{SVG}polyline") if node.get("class") == "tc-line"]
    dots = [node for node in parsed(svg).iter(f"{SVG}circle") if node.get("class") == "tc-dot"]
    assert [len(line.get("points", "").split()) for line in lines] == [2, 2]
    assert len(dots) == 2, "the lone value and the last"


def test_trades_that_would_touch_are_drawn_once_and_counted() -> None:
    marks = [Mark(START + 100 * DAY, "exit", 5.0), Mark(START + 101 * DAY, "exit", -9.0)]

    svg = equity_chart(days(wave(2000)), currency="KRW", marks=[*marks, Mark(START + 900 * DAY, "entry")])

    says = [node.text for node in parsed(svg).findall(f".//{SVG}g/{SVG}title")]
    assert says == ["2014-06-20: entry", "2012-04-11: exit, loss -4 KRW × 2"]


def test_a_reader_without_eyes_is_told_the_same() -> None:
    svg = equity_chart(days([100.0, 120.0, 90.0]), currency="USD", marks=[Mark(START, "entry")])

    root = parsed(svg)
    by_id = {node.get("id"): node.text for node in root.iter() if node.get("id")}
    assert root.get("role") == "img"
    assert by_id[root.get("aria-labelledby")] == "Equity and drawdown, 2012-01-02 to 2012-01-04"
    assert by_id[root.get("aria-describedby")] == (
        "From 100.00 USD to 90.00 USD (-10.00%). Highest 120.00 USD on 2012-01-03. "
        "Largest fall -25.0% (2012-01-04). Marked: entries 1, exits 0."
    )


def test_the_same_figures_are_the_same_text_and_others_have_other_ids() -> None:
    one, again, other = (equity_chart(days([1.0, v]), currency="USD") for v in (2.0, 2.0, 3.0))

    assert one == again
    assert set(re.findall(r' id="(\w+)"', one)).isdisjoint(re.findall(r' id="(\w+)"', other))


def test_nothing_to_draw_says_so() -> None:
    assert texts(equity_chart([], currency="KRW", language="ko")) == ["아직 그릴 수치가 없습니다"]
    assert texts(equity_chart([(START, math.nan)], currency="KRW")) == ["No figure to draw yet"]
    assert texts(bar_chart([], title="P&L")) == ["No figure to draw yet"]


def test_foreign_labels_stay_text() -> None:
    svg = bar_chart([Bar("<script>&\x00\ud800", 1.0, "1원"), Bar("긴" * 200, math.nan, "?")], title="A<B")

    assert "<script" not in svg
    assert texts(svg)[1] == "<script>&\ufffd\ufffd"
    assert texts(svg)[3].endswith("…")


def test_losses_lie_left_of_zero_and_the_unknown_has_no_bar() -> None:
    svg = bar_chart(
        [Bar("a", 50.0, "50"), Bar("b", -25.0, "-25"), Bar("c", math.nan, "?"), Bar("d", 0.0, "0")],
        title="P&L",
    )

    bars = {
        node.get("class"): (float(node.get("x", 0)), float(node.get("width", 0)))
        for node in parsed(svg).iter(f"{SVG}rect")
        if node.get("class") in ("tc-up", "tc-down") and node.get("width") != "0.0"
    }
    (zero,) = [float(node.get("x1", 0)) for node in parsed(svg).iter(f"{SVG}line")]
    assert bars["tc-up"][0] == zero
    assert sum(bars["tc-down"]) == pytest.approx(zero)
    assert bars["tc-up"][1] == pytest.approx(2 * bars["tc-down"][1], abs=0.2)
    assert len(list(parsed(svg).iter(f"{SVG}rect"))) == 4, "background and three bars"


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(min_value=1, max_value=60))
def test_thinning_keeps_ends_and_extremes_of_each_column(curve: list[float], wide: int) -> None:
    points = days(curve)

    thin = thinned(points, lambda time: (time - START) // (wide * DAY))

    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert thin == sorted(thin)
    assert {min(curve), max(curve)} <= {value for _, value in thin}
    assert len(thin) <= 4 * (len(points) // wide + 1)
    assert set(thin) <= set(points)


def test_a_fall_is_measured_from_the_highest_so_far_and_a_gap_changes_nothing() -> None:
    falls = [value for _, value in drawdowns(days([100.0, 80.0, math.nan, 120.0, 60.0]))]

    assert falls[:2] == [0.0, pytest.approx(-0.2)]
    assert math.isnan(falls[2])
    assert falls[3:] == [0.0, -0.5]


def test_a_fall_on_the_first_day_is_drawn_from_what_the_account_began_with() -> None:
    svg = equity_chart(days([90.0, 95.0]), currency="USD", start=100.0)

    assert [text for text in texts(svg) if "·" in text] == ["−10.0% · 2012-01-02"]
    assert "From 100.00 USD to 95.00 USD (-5.00%)" in svg
    assert "100" in texts(svg)


def test_a_fall_from_nothing_is_unknown() -> None:
    assert all(math.isnan(value) for _, value in drawdowns(days([-1.0, 0.0, -2.0])))


def test_segments_are_the_stretches_between_gaps() -> None:
    points = days([math.nan, 1.0, 2.0, math.nan, math.inf, 3.0])

    assert [[value for _, value in part] for part in segments(points)] == [[1.0, 2.0], [3.0]]


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12), st.integers(2, 9))
def test_ticks_are_round_few_and_within(low: float, span: float, most: int) -> None:
    ticks = nice_ticks(low, low + span, most)

    assert 1 <= len(ticks) <= most
    assert ticks == sorted(ticks)
    slack = max(abs(low), span) * 1e-9
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)


@pytest.mark.parametrize(
    ("first", "last", "room", "labels"),
    [
        ("2010-01-04", "2020-12-31", 780, [str(year) for year in range(2011, 2021)]),
        ("2025-01-03", "2025-06-30", 500, ["2025-02", "2025-03", "2025-04", "2025-05", "2025-06"]),
        ("2025-12-29", "2026-01-02", 400, ["2025-12-29", "12-30", "12-31", "2026-01-01", "01-02"]),
        (
            "2025-10-01T09:10",
            "2025-10-01T12:00",
            400,
            ["10-01 09:30", "10:00", "10:30", "11:00", "11:30", "12:00"],
        ),
    ],
)
def test_dates_are_round_and_say_the_year_or_day_where_it_is_new(
    first: str, last: str, room: int, labels: list[str]
) -> None:
    start, end = (
        int(datetime.fromisoformat(t).replace(tzinfo=UTC).timestamp()) * 10**9 for t in (first, last)
    )

    assert [label for _, label in time_ticks(start, end, room)] == labels


def test_daily_closes_get_no_hours_between() -> None:
    svg = equity_chart(days([1.0, 2.0]), currency="USD")

    assert [text for text in texts(svg) if re.fullmatch(r"[\d-]*\d\d-\d\d|\d\d:\d\d", text)] == [
        "2012-01-02",
        "01-03",
    ]


def test_months_begin_at_midnight_of_the_zone_in_summer_and_winter() -> None:
    zone = ZoneInfo("America/New_York")
    first = int(datetime(2024, 1, 15, tzinfo=zone).timestamp()) * 10**9
    last = int((datetime(2024, 1, 15, tzinfo=zone) + timedelta(days=200)).timestamp()) * 10**9

    ticks = time_ticks(first, last, 600, zone)

    moments = [datetime.fromtimestamp(time // 10**9, zone) for time, _ in ticks]
    assert [(m.month, m.day, m.hour) for m in moments] == [(month, 1, 0) for month in range(2, 8 + 1)][
        : len(moments)
    ]
    assert len(moments) >= 6


def test_the_longest_label_that_has_room_is_written_whole() -> None:
    for label in ("AAPL", "Cash", "069500", "현금", "KODEX 200", "Wi"):
        drawn = bar_chart([Bar(label, 1.0, "1.0%")], title="Weights")

        assert f">{label}</text>" in drawn
