"""What the live page shows, as data: one struct for each section, every word in the reader's language.

The browser only draws it: it never counts, ranks or words anything itself. Times are Unix milliseconds, 0
where none is known; ages are made of them in the browser, because they grow while nothing else changes.
Amounts are text, already rounded by the rules of their currency, without the currency.
"""

from __future__ import annotations

from obs.web.model.around import EventRow, Observer, Outside, SilenceRow
from obs.web.model.front import (
    Bot,
    Cell,
    ChangeRow,
    Changes,
    Exposure,
    ExposurePart,
    Figure,
    Rhythm,
    RhythmRow,
    Verdict,
)
from obs.web.model.issues import (
    Incident,
    IssueRow,
    Issues,
    IssueView,
    MergedRow,
    Quoted,
    Step,
    StoryRow,
    Symptom,
)
from obs.web.model.money import (
    AgentRow,
    Agents,
    Funnel,
    FunnelStage,
    LlmCost,
    LlmPoint,
    Pnl,
    PnlPoint,
    Window,
)
from obs.web.model.page import Page
from obs.web.model.text import Amount, Badge, Check, Fact, Flag, Mark, Rich, Span, Style

__all__ = [
    "AgentRow",
    "Agents",
    "Amount",
    "Badge",
    "Bot",
    "Cell",
    "ChangeRow",
    "Changes",
    "Check",
    "EventRow",
    "Exposure",
    "ExposurePart",
    "Fact",
    "Figure",
    "Flag",
    "Funnel",
    "FunnelStage",
    "Incident",
    "IssueRow",
    "IssueView",
    "Issues",
    "LlmCost",
    "LlmPoint",
    "Mark",
    "MergedRow",
    "Observer",
    "Outside",
    "Page",
    "Pnl",
    "PnlPoint",
    "Quoted",
    "Rhythm",
    "RhythmRow",
    "Rich",
    "SilenceRow",
    "Span",
    "Step",
    "StoryRow",
    "Style",
    "Symptom",
    "Verdict",
    "Window",
]
