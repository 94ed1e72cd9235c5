"""What grows towards a limit: memory, a full disk, a clock that drifts, request weight before a ban.

The time at which the limit is met is told with bounds, and as what it is: a line drawn on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from obs.hazards.making import issue
from obs.insight.timeline import Timeline
from obs.insight.trends import Gauge, Gauges, Reach, Slope, keeps_growing, reaches, theil_sen
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Category, Evidence, Issue, IssueSeverity

__all__ = ["growing"]

HOUR_NS = 60 * MINUTE_NS
HORIZON_NS = 24 * HOUR_NS
"""A limit further away than this is not worth a word."""
MIB = 2**20
LEAST_GROWTH = 32 * MIB
LEAST_DISK = 64 * MIB
CLOCK_LIMIT_MS = 1_000.0
"""So far ahead of it Binance refuses a signed request, whatever `recvWindow` says."""
CLOCK_WORTH_MS = 250.0
WEIGHT_NEAR = 0.8
WEIGHT_HORIZON_NS = 60 * MINUTE_NS
FRESH_NS = 15 * MINUTE_NS
"""Samples older than this say nothing of the present."""


def growing(gauges: Gauges, timeline: Timeline, now: int) -> Iterator[Issue]:
    """Yield the issues of all gauges at `now` (Unix ns); a bot is judged since its latest start only."""
    for service, measures in sorted(gauges.of.items()):
        for measure, gauge in sorted(measures.items()):
            kind, _, about = measure.partition(" ")
            if gauge.minutes and now - max(gauge.minutes) * MINUTE_NS < FRESH_NS:
                starts = timeline.starts.get(service, ())
                yield from _KINDS[kind](service, about, gauge.since(starts[-1].time if starts else 0))


def _memory(service: str, _: str, gauge: Gauge) -> Iterator[Issue]:
    points = gauge.highs()
    base = points[0][1]
    line = keeps_growing(points, max(LEAST_GROWTH, base / 5))
    if line is None:
        return
    limit = gauge.limit[1]
    met = reaches(line, limit) if limit else None
    near = met is not None and met.at - line.last <= HORIZON_NS
    if not near and line.grown < base / 2:
        return
    soon = met is not None and met.at - line.last <= HOUR_NS
    what = (
        f"Reaches the limit of {_bytes(limit)} {_when(met, line)}."
        if near and met
        else (f"At this rate it doubles {_when(reaches(line, 2 * line.level), line)}.")
    )
    yield _grown(
        service, "memory-growth", Category.MEMORY, IssueSeverity.ERROR if soon else IssueSeverity.WARNING,
        f"Memory grows without end: {_bytes(line.level - line.grown)} to {_bytes(line.level)}",
        line, gauge,
        f"It grows by {_rate(line)} for {_span(line.span_ns)} now. {what}",
        "code: something is kept that should be let go",
        (
            "[read] What grows with time: caches without a size, lists of candles, unawaited tasks.",
            "[code] Take `tracemalloc` snapshots an hour apart, or run under `memray`.",
            "[ask] Until it is mended: a planned restart while flat, before the limit is met.",
        ),
        "raise the limit only: it moves the hour of the kill",
    )  # fmt: skip


def _disk(service: str, _: str, gauge: Gauge) -> Iterator[Issue]:
    points = [(time, -free) for time, free in gauge.lows()]
    line = keeps_growing(points, max(LEAST_DISK, -points[0][1] / 20))
    met = reaches(line, 0.0) if line is not None else None
    if line is None or met is None or met.at - line.last > HORIZON_NS:
        return
    soon = met.at - line.last <= HOUR_NS
    yield _grown(
        service, "disk-fills", Category.SYSTEM, IssueSeverity.ERROR if soon else IssueSeverity.WARNING,
        f"Disk fills up: {_bytes(-line.level)} left", line, gauge,
        f"{_rate(line)} are taken. Full {_when(met, line)}.",
        "host",
        (
            "[read] What grows: `du -x --max-depth=2 | sort -n`, logs without rotation first.",
            "[config] Rotate and compress logs, keep less history.",
            "[ask] A person decides what may be removed.",
        ),
        "delete databases or the bot's state to make room: positions are kept there",
    )  # fmt: skip


def _clock(service: str, _: str, gauge: Gauge) -> Iterator[Issue]:
    points = [(m * MINUTE_NS, max(abs(low), abs(high))) for m, (low, high) in sorted(gauge.minutes.items())]
    off = max(value for _, value in points[-3:])
    line = theil_sen(points)
    drifts = line is not None and line.low > 0 and line.span_ns >= 10 * MINUTE_NS
    met = reaches(line, CLOCK_LIMIT_MS) if line is not None and drifts and off < CLOCK_LIMIT_MS else None
    near = met is not None and met.at - points[-1][0] <= HORIZON_NS
    if off < CLOCK_LIMIT_MS and not (near and off >= CLOCK_WORTH_MS):
        return
    text = f"Its clock differs from the exchange's by {off:,.0f} ms"
    if line is not None and drifts:
        text += f" and drifts by {line.slope * 3_600:,.0f} ms an hour"
    text += ". Signed requests more than 1,000 ms ahead are refused"
    text += f", which is met {_when(met, line)}." if near and met and line is not None else "."
    yield _grown(
        service, "clock-skew", Category.SYSTEM,
        IssueSeverity.ERROR if off >= CLOCK_LIMIT_MS else IssueSeverity.WARNING,
        f"Clock is off by {off:,.0f} ms", line, gauge, text,
        "host: time synchronisation",
        (
            "[read] `timedatectl` or `chronyc tracking`: is the clock synchronised, and with what?",
            "[config] Switch time synchronisation on; in a virtual machine on its host.",
            "[restart] The bot, when the offset is small: clients keep the difference they once measured.",
        ),
        "widen recvWindow instead: an old order may then still be taken",
        first=points[0][0], last=points[-1][0],
    )  # fmt: skip


def _weight(service: str, exchange: str, gauge: Gauge) -> Iterator[Issue]:
    limit, points = gauge.limit[1], gauge.highs()
    if not limit:
        return
    used = max(value for _, value in points[-3:])
    line = keeps_growing(points, limit / 10)
    met = reaches(line, limit) if line is not None else None
    soon = met is not None and line is not None and met.at - line.last <= WEIGHT_HORIZON_NS
    if used < WEIGHT_NEAR * limit and not soon:
        return
    text = f"{used:,.0f} of {limit:,.0f} request weight a minute are used."
    if line is not None and met is not None and soon:
        text += f" It rises by {line.slope * 600:,.0f} every 10 min and meets the limit {_when(met, line)}."
    name = plain(exchange) or "the exchange"
    yield _grown(
        service, "request-weight", Category.EXCHANGE,
        IssueSeverity.WARNING if used < limit else IssueSeverity.ERROR,
        f"Requests near the limit of {name}: {used / limit:.0%} used", line, gauge,
        text + " Above it calls are refused (429), and who goes on is banned (418) for minutes to days.",
        "config: request rate of the bot",
        (
            "[config] Before the limit is met: fewer pairs, slower loop, prices by WebSocket.",
            "[read] Which call grows: open orders and history asked for each pair cost most weight.",
            "[read] Other programs on this address share the limit: second bot, notebook, collector.",
        ),
        "wait for the first 429: retries after it count too and lead to the ban",
        first=points[0][0], last=points[-1][0], place=name,
    )  # fmt: skip


_KINDS = {"memory": _memory, "disk": _disk, "clock": _clock, "weight": _weight}


def _grown(
    service: str,
    rule: str,
    category: Category,
    severity: IssueSeverity,
    title: str,
    line: Slope | None,
    gauge: Gauge,
    explanation: str,
    fix_in: str,
    actions: tuple[str, ...],
    do_not: str,
    *,
    first: int = 0,
    last: int = 0,
    place: str = "",
) -> Issue:
    end = line.last if line is not None else last
    return issue(
        (rule, service, place),
        category,
        severity,
        title,
        service or "host",
        services=(service,) if service else (),
        first=end - line.span_ns if line is not None else first,
        last=end,
        count=1,
        trend="worse",
        explanation=explanation,
        fix_in=fix_in,
        actions=actions,
        do_not=do_not,
        minutes=60,
        place=place,
        evidence=[Evidence(*gauge.latest[2])] if gauge.latest is not None else [],
        grouped_by=f"{len(gauge.minutes)} samples of {plain(service) or 'this host'}, at most one a minute",
    )


def _when(met: Reach | None, line: Slope) -> str:
    """About when, with bounds; a deadline is told to the minute, with its day when it is not today."""
    if met is None or not met.at:
        return "at no time that can be told"
    at, earliest = _clock_time(met.at, line.last), _clock_time(met.earliest, line.last)
    latest = _clock_time(met.latest, line.last) if met.latest else "much later"
    bounds = f" ({earliest} to {latest})" if (earliest, latest) != (at, at) else ""
    return f"at about {at}{bounds} if it goes on like this"


def _clock_time(time_ns: int, now: int) -> str:
    at, today = (datetime.fromtimestamp(one / 1e9, UTC) for one in (time_ns, now))
    return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M}"


def _rate(line: Slope) -> str:
    low, middle, high = (_bytes(rate * 3_600) for rate in (line.low, line.slope, line.high))
    return f"{middle} an hour ({low} to {high})"


def _span(span_ns: int) -> str:
    minutes = span_ns // MINUTE_NS
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _bytes(size: float) -> str:
    for unit, least in (("GiB", 2**30), ("MiB", MIB), ("KiB", 2**10)):
        if abs(size) >= least:
            return f"{size / least:,.1f} {unit}" if size / least < 10 else f"{size / least:,.0f} {unit}"
    return f"{size:,.0f} B"
