"""What trading and models earned and cost, the agents, and why it did not trade."""

from __future__ import annotations

import msgspec

from obs.web.model.text import Amount, Badge, Flag, Rich

__all__ = ["AgentRow", "Agents", "Funnel", "FunnelStage", "LlmCost", "LlmPoint", "Pnl", "PnlPoint", "Window"]


class PnlPoint(msgspec.Struct, frozen=True):
    """One hour or day; `None` is no data, which is a gap and not 0."""

    at: int
    value: float | None
    """Net result of the part, after fees."""
    total: float | None
    """Running total of the window."""
    trades: int = 0


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One currency over 24 hours or 30 days."""

    points: tuple[PnlPoint, ...] = ()
    amount: Amount
    text: str = ""
    """`17 trades, 11 won, 4 open`."""


class Pnl(msgspec.Struct, frozen=True, kw_only=True):
    """Profit and loss, one currency at a time."""

    currencies: tuple[str, ...] = ()
    hours: dict[str, Window] = {}
    days: dict[str, Window] = {}
    flags: tuple[Flag, ...] = ()
    note: str = ""
    empty: Rich = ()


class LlmPoint(msgspec.Struct, frozen=True):
    """One hour or day of LLM cost."""

    at: int
    by_agent: tuple[float, ...]
    """In the order of `LlmCost.agents`."""


class LlmCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the models cost, by agent."""

    currency: str = "USD"
    agents: tuple[str, ...] = ()
    """The costliest first; what is beyond three is `other`."""
    hours: tuple[LlmPoint, ...] = ()
    days: tuple[LlmPoint, ...] = ()
    amount_hours: Amount | None = None
    amount_days: Amount | None = None
    text_hours: str = ""
    """`of 6.00 today; ends at 11:54 at this rate`."""
    text_days: str = ""
    budget: float | None = None
    """A day's, dashed in the chart."""
    note: str = ""
    """`1 model unpriced`."""
    flags: tuple[Flag, ...] = ()
    empty: Rich = ()


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agent; texts as they are shown, `—` for none and `?` for unknown."""

    rank: str
    name: str
    model: str = ""
    badge: Badge | None = None
    trades: str = "0"
    won: str = "—"
    pnl: str = "—"
    cost: str = "—"
    roi: str = "—"
    per_trade: str = "—"
    spark: tuple[float, ...] = ()
    """Running result of 30 days, one value a day."""
    note: str = ""
    """Why it has no rank; `provisional`."""


class Agents(msgspec.Struct, frozen=True, kw_only=True):
    """The agents by their return on LLM cost."""

    rows: tuple[AgentRow, ...] = ()
    currency: str = ""
    cost_currency: str = "USD"
    text: str = ""
    """`7 days, by return on LLM cost; 1 USDT = 1.000 USD, 11:30`."""
    empty: Rich = ()


class FunnelStage(msgspec.Struct, frozen=True, kw_only=True):
    """How many came so far, and why others did not."""

    label: str
    left: int
    stopped: int = 0
    why: str = ""
    """`123 below 0.60`."""


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """Why it did not trade, of one bot or of all."""

    bot: str = ""
    """Empty: all."""
    sentence: Rich = ()
    stages: tuple[FunnelStage, ...] = ()
    is_empty: bool = False
