"""What is wrong, and the page about it."""

from __future__ import annotations

from scripts.dashboards.panel import (
    AMOUNT,
    NONE_WANTED,
    ORANGE,
    SEVERITIES,
    YELLOW,
    Board,
    Column,
    above,
    graph,
    note,
    rate,
    stat,
    table,
)

__all__ = ["ISSUES"]

# A text panel asks nobody: the reader's browser does, through the frame. Grafana lets a frame keep its
# address and size alone, and lets nothing of it run. `${__to}` changes with each refresh, so that the page
# is asked for anew.
_BRIEFING = """\
<p>
  <a href="${obs}/"><b>Live page</b></a> · <a href="${obs}/api/briefing"><b>Briefing</b></a> ·
  <a href="${obs}/api/briefing?lang=ko">한국어</a> · on the machine: <code>obs brief</code>,
  <code>obs issues</code>, <code>obs show I-…</code>.
  A dot (exemplar) in a panel leads to the issue, the decision or the line behind it.
</p>
<iframe src="${obs}/api/briefing?budget=1000&amp;at=${__to}" width="100%" height="380"></iframe>
"""

_BRIEFINGS = (
    note(
        "Briefing",
        "The page of this moment, asked for by your browser: obs must name this Grafana in `allowed_origins` "
        "(docs/operations.md). Else the links are what you see.",
        _BRIEFING,
        height=12,
    ),
)

_COUNTS = (
    stat(
        "Critical",
        "Open critical issues.",
        'sum(obs_issues{*,severity="critical"})',
        limits=NONE_WANTED,
        width=6,
    ),
    stat(
        "Errors",
        "Open issues of severity error.",
        'sum(obs_issues{*,severity="error"})',
        limits=above(1, ORANGE),
        width=6,
    ),
    stat(
        "Warnings",
        "Open issues of severity warning.",
        'sum(obs_issues{*,severity="warning"})',
        limits=above(1, YELLOW),
        width=6,
    ),
    stat(
        "Money at risk",
        "Behind the open issues.",
        "sum by (currency) (obs_money_at_risk{*})",
        "{{currency}}",
        unit=AMOUNT,
        limits=NONE_WANTED,
        width=6,
    ),
)

_OPEN = table(
    "Open issues",
    "The worst twenty, without their symptoms; a click opens one on the live page, with its evidence.",
    "max by (severity, issue, bot, category, component) (obs_issue_first_seen_timestamp_seconds{*}) * 1000",
    columns=(
        Column("severity", "Severity", words=SEVERITIES),
        Column("issue", "Issue", link="issue"),
        Column("bot", "Bot", link="bot"),
        Column("category", "Category"),
        Column("component", "Component"),
        Column("Value", "First seen", "dateTimeFromNow"),
    ),
)

_OVER_TIME = (
    graph(
        "By category",
        "Open issues.",
        ("sum by (category) (obs_issues{*}) > 0", "{{category}}"),
        width=12,
        is_stacked=True,
    ),
    graph(
        "By bot",
        "Open issues by the bot they concern.",
        ("sum by (bot, severity) (obs_bot_issues{*}) > 0", "{{bot}} {{severity}}"),
        width=12,
        is_stacked=True,
    ),
    graph(
        "Records by severity",
        "What bots log; dots lead to the issue and to the line.",
        (rate("obs_events_total", "severity"), "{{severity}}"),
        unit="recps",
        width=12,
        is_stacked=True,
    ),
    graph(
        "Masked secrets",
        "Records in which a secret was masked: rotate it.",
        ("sum by (kind) (obs_secrets_masked_total{*})", "{{kind}}"),
        width=12,
        limits=NONE_WANTED,
    ),
    table(
        "Alerts that fire",
        "Of Prometheus' own rules; each has a runbook of its name in docs/operations.md.",
        "max by (severity, alertname, bot) ("
        'ALERTS_FOR_STATE{*} * 1000 and ignoring (alertstate) ALERTS{*,alertstate="firing"})',
        columns=(
            Column("severity", "Severity", words=SEVERITIES),
            Column("alertname", "Alert"),
            Column("bot", "Bot", link="bot"),
            Column("Value", "Since", "dateTimeFromNow"),
        ),
        width=12,
    ),
    graph(
        "Alerts over time",
        "How many fire, by severity.",
        ('count by (severity) (ALERTS{*,alertstate="firing"})', "{{severity}}"),
        width=12,
        is_stacked=True,
    ),
)

ISSUES = Board(
    "obs-issues",
    "obs / Issues & Briefings",
    "What is wrong, and the page about it.",
    (("Briefing", _BRIEFINGS), ("Issues", (*_COUNTS, _OPEN, *_OVER_TIME))),
    ("Live page", "${obs:raw}/"),
)
