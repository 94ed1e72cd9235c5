"""What a dashboard is made of, as data. A panel is its kind, title, what it tells, and its queries.

    graph("Equity", "What each account is worth.", ("trading_equity{*}", "{{bot}} {{currency}}"), unit=AMOUNT)

`{*}` stands for all variables that the metric has a label for: `selecting` fills it in from the table of
metrics.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = [
    "AMOUNT",
    "CALM",
    "HEALTH",
    "LOSS",
    "NONE_WANTED",
    "SEVERITIES",
    "STATES",
    "UNITS",
    "Board",
    "Column",
    "Limits",
    "Panel",
    "above",
    "below",
    "graph",
    "note",
    "quantile",
    "rate",
    "stat",
    "table",
    "timeline",
]

Kind = Literal["stat", "timeseries", "state-timeline", "table", "text"]
Limits = tuple[tuple[float | None, str], ...]
"""Colours, each from its number on; the first has none."""
Words = tuple[tuple[str, str, str], ...]
"""Value, the word for it, its colour."""

RED, ORANGE, YELLOW, GREEN, BLUE, GREY = "red", "orange", "yellow", "green", "blue", "text"
AMOUNT = "locale"
"""Amounts with all their digits: the currency stands in the legend."""
UNITS = frozenset(
    ("bytes", "cpm", "dateTimeFromNow", "locale", "none", "opm", "percentunit", "recps", "reqpm", "reqps")
) | {"s", "short"}
"""Grafana's names of those that are used: a misspelt one would be shown as text behind each number."""

CALM: Limits = ((None, GREEN),)
"""Nothing to warn of."""
NONE_WANTED: Limits = ((None, GREEN), (1, RED))
LOSS: Limits = ((None, RED), (0, GREEN))
HEALTH: Words = (
    ("0", "OK", GREEN),
    ("1", "UNKNOWN", BLUE),
    ("2", "WARNING", YELLOW),
    ("3", "ERROR", ORANGE),
    ("4", "CRITICAL", RED),
)
SEVERITIES: Words = (
    ("critical", "critical", RED),
    ("error", "error", ORANGE),
    ("warning", "warning", YELLOW),
    ("info", "info", BLUE),
)
STATES: Words = (
    ("running", "running", GREEN),
    ("reducing", "reducing", YELLOW),
    ("halted", "halted", ORANGE),
    ("stopped", "stopped", BLUE),
    ("ended", "ended", GREY),
    ("died", "died", RED),
)


class Column(NamedTuple):
    """One column of a table, in the order in which they stand."""

    field: str
    """A label, or `Value #B` of the second query; `Value` where there is but one."""
    title: str
    unit: str = "short"
    limits: Limits = ()
    words: Words = ()
    link: str = ""
    """Where a click leads: `bot` or `issue`."""


class Panel(NamedTuple):
    """One panel."""

    kind: Kind
    title: str
    text: str
    queries: tuple[tuple[str, str], ...]
    """Expression and legend."""
    unit: str = "short"
    width: int = 8
    height: int = 8
    limits: Limits = CALM
    words: Words = ()
    is_stacked: bool = False
    is_from_zero: bool = True
    """Whether 0 is always on the axis: not where only the changes of a large amount tell anything."""
    is_name: bool = False
    """Whether a number's name is what counts."""
    columns: tuple[Column, ...] = ()
    content: str = ""
    """Of a text panel, HTML."""


class Board(NamedTuple):
    """One dashboard: rows of panels under headings."""

    uid: str
    title: str
    text: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    leads: tuple[str, str]
    """Where each of its panels leads: title and address."""


def stat(
    title: str,
    text: str,
    expression: str,
    legend: str = "",
    *,
    unit: str = "short",
    width: int = 4,
    limits: Limits = CALM,
    words: Words = (),
    is_name: bool = False,
) -> Panel:
    """Return a panel of one large number, or of one for each name in the legend."""
    queries = ((expression, legend),)
    return Panel("stat", title, text, queries, unit, width, 4, limits, words, is_name=is_name)


def graph(
    title: str,
    text: str,
    *queries: tuple[str, str],
    unit: str = "short",
    width: int = 8,
    limits: Limits = CALM,
    is_stacked: bool = False,
    is_from_zero: bool = True,
) -> Panel:
    """Return a panel of lines over time; its limits are drawn as lines."""
    more = {"is_stacked": is_stacked, "is_from_zero": is_from_zero}
    return Panel("timeseries", title, text, queries, unit, width, 8, limits, **more)


def timeline(
    title: str,
    text: str,
    *queries: tuple[str, str],
    words: Words,
    width: int = 12,
    limits: Limits = CALM,
) -> Panel:
    """Return a panel of bands over time, one for each name, coloured by what they say."""
    return Panel("state-timeline", title, text, queries, "none", width, 8, limits, words)


def table(
    title: str, text: str, *expressions: str, columns: tuple[Column, ...], width: int = 24, height: int = 8
) -> Panel:
    """Return a table of the newest values; rows of several queries are joined by the labels they share."""
    queries = tuple((one, "") for one in expressions)
    return Panel("table", title, text, queries, "none", width, height, columns=columns)


def note(title: str, text: str, content: str, *, width: int = 24, height: int = 8) -> Panel:
    """Return a panel of text."""
    return Panel("text", title, text, (), width=width, height=height, content=content)


def above(number: float, color: str = RED, then: float | None = None) -> Limits:
    """Return limits of a number that should stay small: `color` from `number`, red from `then`."""
    first = ((None, GREEN), (number, color))
    return first if then is None else (*first, (then, RED))


def below(number: float) -> Limits:
    """Return limits of a number that should not fall under `number`."""
    return ((None, RED), (number, GREEN))


def rate(name: str, by: str, *, a_minute: bool = False) -> str:
    """Return how fast a counter grows, a second or a minute."""
    one = f"sum by ({by}) (rate({name}{{*}}[$__rate_interval]))"
    return f"{one} * 60" if a_minute else one


def quantile(share: float, name: str, by: str) -> str:
    """Return the value that `share` of what a histogram counted does not pass, native or in buckets."""
    return (
        f"histogram_quantile({share}, sum by ({by}) (rate({name}{{*}}[$__rate_interval])))"
        f" or histogram_quantile({share}, sum by (le, {by}) (rate({name}_bucket{{*}}[$__rate_interval])))"
    )
