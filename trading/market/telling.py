"""The events about data: what was fetched (`data.collected`) and what was wrong with it (`data.checked`)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Literal

from trading.bars import Bar
from trading.logs import BotLog
from trading.market.findings import Finding, Subject
from trading.market.gaps import gaps_of
from trading.sessions import Sessions

__all__ = ["report_fetch", "report_findings", "report_refusal"]


_REFUSALS = {
    "universe": "cannot load market data, the universe is of no use: %s",
    "login": "cannot load market data, the source lets nobody in: %s",
}


def report_fetch(
    log: BotLog,
    bars: Sequence[Bar],
    subject: Subject,
    sessions: Sessions,
    *,
    source: str,
    is_hit: bool,
    seconds: float,
) -> None:
    """Log what was fetched as the event `data.collected`; at ERROR when not one bar came.

    Args:
        log: Who speaks.
        bars: What came, in any order.
        subject: Whose bars they are.
        sessions: The market's sessions, which say what is missing.
        source: Who gave them.
        is_hit: Whether nothing had to be asked for.
        seconds: How long it took.
    """
    times = sorted({bar.time for bar in bars})
    gaps = gaps_of(times, subject, sessions)
    log.event(
        "data.collected",
        {
            "data.source": source,
            "symbol": subject.symbol,
            "interval": subject.interval,
            "data.rows": len(bars),
            "data.gaps": gaps.count,
            "data.start": times[0] if times else None,
            "data.end": times[-1] if times else None,
            "cache.hit": is_hit,
            "duration_ms": round(seconds * 1000, 3),
        },
        "%s: %s bars of %s, %s missing",
        source,
        len(bars),
        subject.symbol,
        gaps.count,
        level=None if bars else logging.ERROR,
    )


def report_refusal(
    log: BotLog, fault: Literal["universe", "login"], error: Exception, *, source: str | None = None
) -> None:
    """Log as `data.checked` at ERROR that nothing at all can be used: no universe, no login."""
    attributes = {"data.source": source, "data.fault": fault, "action": "refused"}
    log.event("data.checked", attributes, _REFUSALS[fault], error, level=logging.ERROR)


def report_findings(
    findings: Iterable[Finding], log: BotLog, *, source: str, horizon: int | None = None
) -> None:
    """Log each finding as the event `data.checked`: WARN, or ERROR when the symbol is refused.

    Args:
        findings: What was found.
        log: Who speaks.
        source: Whose bars they are.
        horizon: Unix ns; a finding that ends before it is old news and told at INFO.
    """
    for finding in findings:
        is_old = horizon is not None and finding.until is not None and finding.until < horizon
        refused = finding.action == "refused"
        log.event(
            "data.checked",
            {
                "symbol": finding.symbol,
                "interval": finding.interval,
                "data.source": source,
                "data.fault": finding.fault,
                "data.start": finding.time,
                "data.end": finding.until,
                "sample.count": finding.count,
                "value": finding.value,
                "action": finding.action,
            },
            # A template for each fault: whoever groups lines by template tells splits from holes.
            f"{finding.fault} ({finding.action}) in the bars of %s: %s",
            finding.symbol,
            finding.text,
            level=logging.ERROR if refused else logging.INFO if is_old else logging.WARNING,
        )
