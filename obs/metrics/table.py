"""Every metric that `/metrics` serves: its type, labels, meaning, and the most series it may ever have.

The documentation is made from this table, and the sum of `most` is the most series of a scrape, whatever bots
say. A label's values come from a closed set, or the first names in order stand and the rest count as `other`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["KEPT_LABELS", "MAX_COMPONENTS", "MAX_ISSUES", "MAX_SERIES", "TABLE", "Family", "Kind"]

Kind = Literal["gauge", "counter", "histogram"]

MAX_SERIES = 2_000
"""Of one scrape, whatever comes in."""
MAX_COMPONENTS = 50
"""Components that get a series of their own; the rest counts as `other`."""
MAX_ISSUES = 20
"""Open issues that are named, the first in rank."""
KEPT_LABELS = frozenset(
    {"severity", "category", "mode", "outcome", "result", "kind", "currency", "stage", "state"}
)
"""Labels that keep their value when the names beside them become `other`."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One metric."""

    kind: Kind
    labels: tuple[str, ...] = ()
    text: str
    """What it says, one or two sentences."""
    most: int = 1
    """Series at most, of a histogram with its buckets, sum and count."""
    how: str = ""
    """How further names are joined under `other`: `sum`, `max` or `min`; empty: there are none."""
    is_kept: bool = True
    """Of a counter or histogram: whether it goes on after a restart of the sidecar."""


def _gauge(text: str, *labels: str, most: int = 1, how: str = "sum") -> Family:
    return Family(kind="gauge", labels=labels, text=text, most=most, how=how if labels else "")


def _counter(text: str, *labels: str, most: int = 1, is_kept: bool = True) -> Family:
    how = "sum" if labels else ""
    return Family(kind="counter", labels=labels, text=text, most=most, how=how, is_kept=is_kept)


def _histogram(text: str, *labels: str, most: int, is_kept: bool = True) -> Family:
    how = "sum" if labels else ""
    return Family(kind="histogram", labels=labels, text=text, most=most, how=how, is_kept=is_kept)


BOTS = 26
"""Series of a metric that has one for each bot: 25 and `other`."""
PURSES = 28
"""Series of an amount by bot, mode and currency."""

_OWN: Mapping[str, Family] = {
    "obs_build_info": _gauge("1, with the version of the sidecar.", "version", how=""),
    "obs_health": _gauge("Health of the whole: 0 OK, 1 UNKNOWN, 2 WARNING, 3 ERROR, 4 CRITICAL."),
    "obs_health_score_ratio": _gauge("Health score of the whole, from 0 (worst) to 1."),
    "obs_component_health": _gauge(
        "Health of each component, numbers as in obs_health.",
        "component",
        most=MAX_COMPONENTS + 1,
        how="max",
    ),
    "obs_issues": _gauge("Open issues by severity and category.", "severity", "category", most=48),
    "obs_bot_issues": _gauge("Open issues by the bot they concern and severity.", "bot", "severity", most=60),
    "obs_issue_first_seen_timestamp_seconds": _gauge(
        "Since when the worst open issues are, Unix seconds; symptoms of another issue are left out.",
        "issue",
        "severity",
        "category",
        "bot",
        "component",
        most=MAX_ISSUES,
        how="",
    ),
    "obs_money_at_risk": _gauge(
        "Money behind the open issues, by currency; never added across them.", "currency", most=8
    ),
    "obs_events_total": _counter("Events taken in, by severity.", "severity", most=7),
    "obs_events_dropped_total": _counter(
        "Events that were emitted and did not arrive, by reason.", "reason", most=16
    ),
    "obs_secrets_masked_total": _counter("Records in which a secret was masked, by kind.", "kind", most=20),
    "obs_last_event_timestamp_seconds": _gauge("Time of the newest event, Unix seconds."),
    "obs_snapshot_timestamp_seconds": _gauge(
        "When the picture behind these numbers was taken, Unix seconds."
    ),
    "obs_fold_lag_seconds": _histogram(
        "From a record's time to its being folded: the oldest of each batch that was taken.", most=14
    ),
    "obs_briefing_render_duration_seconds": _histogram("How long drawing the view files took.", most=12),
    "obs_sidecar_fault": _gauge("1 while the sidecar cannot store or show, else 0."),
    "obs_sidecar_start_timestamp_seconds": _gauge("When the sidecar's process started, Unix seconds."),
    "obs_sidecar_resident_memory_bytes": _gauge("Resident memory of the sidecar."),
    "obs_sidecar_cpu_seconds_total": _counter("Processor time the sidecar has used.", is_kept=False),
    "obs_queue_events": _gauge("Events of other doors that wait to be folded."),
    "obs_spool_pending_bytes": _gauge("Bytes in the spool that are not folded yet."),
    "obs_store_bytes": _gauge("Size of the store's files; 0 when a server keeps them."),
    "obs_disk_free_bytes": _gauge("Free on the disk that holds spool and store."),
    "obs_stream_clients": _gauge("Pages that are shown live."),
    "obs_cache_hits_total": _counter("Calls answered from a cache.", "cache", most=6, is_kept=False),
    "obs_cache_misses_total": _counter("Calls that had to be computed.", "cache", most=6, is_kept=False),
    "obs_otlp_export_taken_total": _counter(
        "Log records and spans to be sent by OpenTelemetry: sent, dropped and waiting together. "
        "Of metrics: whole sets.",
        "signal",
        most=3,
    ),
    "obs_otlp_export_sent_total": _counter("Of these, those a collector has taken.", "signal", most=3),
    "obs_otlp_export_dropped_total": _counter(
        "Of these, those that will not be sent: `full`, `refused`, `rejected`, `malformed`, `disk`, "
        "`replaced`, `failed`.",
        "signal",
        "reason",
        most=12,
    ),
    "obs_otlp_export_waiting": _gauge("Of these, those that wait on disk.", "signal", most=3),
    "obs_alerts_messages_total": _counter(
        "Messages of our own alerts: `sent`, `failed` (after all tries) or `unknown` (perhaps it arrived).",
        "channel",
        "outcome",
        most=24,
    ),
    "obs_alerts_waiting": _gauge(
        "News and messages that wait to be sent by this channel, for a group, a limit, a try or the day.",
        "channel",
        most=8,
    ),
    "obs_alerts_held": _gauge("Of these, those that quiet hours hold back.", "channel", most=8),
    "obs_alerts_failing_since_timestamp_seconds": _gauge(
        "When the first of the messages in a row failed that this channel did not take, Unix seconds; "
        "0 while it works.",
        "channel",
        most=8,
        how="max",
    ),
    "obs_alerts_silenced_issues": _gauge("Open issues that a silence holds back."),
    "obs_alertmanager_up": _gauge("1 while Alertmanager tells its silences, 0 when it does not answer."),
    "obs_labels_folded": _gauge(
        "Names that have no series of their own, by label: they count as `other`.", "label", most=12, how=""
    ),
}

_BOTS: Mapping[str, Family] = {
    "trading_bot_info": _gauge(
        "1 for each bot: how it trades and what it is doing "
        "(`running`, `reducing`, `halted`, `stopped`, `ended`, `died`).",
        "bot",
        "mode",
        "state",
        most=BOTS,
    ),
    "trading_bot_build_info": _gauge(
        "1 for each bot that says which release it runs.", "bot", "version", "commit", most=BOTS, how="max"
    ),
    "trading_bot_release_timestamp_seconds": _gauge(
        "Since when it runs it, Unix seconds.", "bot", "version", most=BOTS, how="max"
    ),
    "trading_last_event_timestamp_seconds": _gauge(
        "Time of the bot's newest record, Unix seconds.", "bot", most=BOTS, how="max"
    ),
    "trading_heartbeat_age_seconds": _gauge(
        "Since its last heartbeat; of several bots the longest.", "bot", most=BOTS, how="max"
    ),
    "trading_feed_age_seconds": _gauge(
        "Since its newest market data of any symbol; of several bots the longest.",
        "bot",
        most=BOTS,
        how="max",
    ),
    "trading_stage_overdue_seconds": _gauge(
        "For how long of open market time a stage of its work (`heartbeats`, `candles`, …) is overdue.",
        "bot",
        "stage",
        most=52,
        how="max",
    ),
    "trading_loop_duration_seconds": _gauge(
        "How long its newest turn took, as it says.", "bot", most=BOTS, how="max"
    ),
    "trading_clock_offset_seconds": _gauge(
        "The exchange's clock minus the bot's, as it says.", "bot", most=BOTS, how="max"
    ),
    "trading_bot_memory_bytes": _gauge("Memory the bot says it uses.", "bot", most=BOTS),
}

_MONEY: Mapping[str, Family] = {
    "trading_equity": _gauge("What the account is worth.", "bot", "mode", "currency", most=PURSES),
    "trading_equity_peak": _gauge(
        "The highest it was, as the bot says.", "bot", "mode", "currency", most=PURSES
    ),
    "trading_pnl_realized": _gauge(
        "Result of all closed trades, net of fees.", "bot", "mode", "currency", most=PURSES
    ),
    "trading_pnl_unrealized": _gauge(
        "What the open positions would bring.", "bot", "mode", "currency", most=PURSES
    ),
    "trading_pnl_day": _gauge(
        "Result of the trading day, realized or not, as the bot says; no longer than a day.",
        "bot",
        "mode",
        "currency",
        most=PURSES,
    ),
    "trading_pnl_today": _gauge(
        "Net result of trades closed today, all bots.", "mode", "currency", most=8, how=""
    ),
    "trading_exposure": _gauge("Value of the open positions.", "bot", "mode", "currency", most=PURSES),
    "trading_exposure_ratio": _gauge(
        "Value of what is held as a fraction of equity, as the bot says.", "bot", most=BOTS, how="max"
    ),
    "trading_drawdown_ratio": _gauge(
        "How far equity is below its peak, from 0 to 1.", "bot", most=BOTS, how="max"
    ),
    "trading_fees_total": _counter("Fees paid; rebates count as 0.", "bot", "mode", "currency", most=PURSES),
    "trading_volume_total": _counter(
        "Price times quantity of all fills.", "bot", "mode", "currency", most=PURSES
    ),
    "trading_trades": _gauge(
        "Closed trades by result, as far as remembered.", "bot", "mode", "result", most=48
    ),
}

_ORDERS: Mapping[str, Family] = {
    "trading_positions_open": _gauge("Positions held.", "bot", most=BOTS),
    "trading_positions_unprotected": _gauge("Positions held without a stop.", "bot", most=BOTS),
    "trading_unprotected_seconds": _gauge(
        "For how long a position of it has had no stop, the longest.", "bot", most=BOTS, how="max"
    ),
    "trading_orders_open": _gauge("Orders that rest, as its heartbeat says.", "bot", most=BOTS),
    "trading_orders_total": _counter(
        "Orders by what became of them: `submitted`, `accepted`, `denied` (by our own check), `rejected` "
        "(by the exchange), `partly_filled`, `filled`, `canceled`, `expired`.",
        "bot",
        "outcome",
        most=128,
    ),
    "trading_orders_refused_total": _counter(
        "Orders denied or rejected, by reason.", "outcome", "reason", most=16
    ),
    "trading_order_latency_seconds": _histogram(
        "From sending an order to the exchange's answer.", "bot", most=96
    ),
    "trading_slippage_ratio": _histogram(
        "How much worse than its reference price an order was filled; better counts as 0.", "bot", most=88
    ),
    "trading_api_requests_total": _counter(
        "Requests to exchanges: `ok` or `failed`.", "exchange", "outcome", most=14
    ),
    "trading_api_duration_seconds": _histogram("How long they took.", "exchange", most=60),
    "trading_signals_total": _counter("Signals generated.", "bot", most=BOTS),
    "trading_signals_filtered_total": _counter("Signals that a gate stopped.", "bot", "gate", most=50),
    "trading_decisions_total": _counter("Decisions made, also to do nothing.", "bot", most=BOTS),
}

_MODELS: Mapping[str, Family] = {
    "trading_llm_calls_total": _counter(
        "Calls of language models: `ok`, `failed`, or `cut` (no more tokens were allowed).",
        "bot",
        "agent",
        "model",
        "outcome",
        most=50,
    ),
    "trading_llm_tokens_total": _counter(
        "Tokens: `input` (with `cached`), `output` (with `reasoning`).",
        "bot",
        "agent",
        "model",
        "kind",
        most=56,
    ),
    "trading_llm_cost_total": _counter(
        "What they cost, by price table or the bot's word.", "bot", "agent", "model", "currency", most=40
    ),
    "trading_llm_unpriced_calls_total": _counter("Calls whose cost is not known.", "model", most=9),
    "trading_llm_duration_seconds": _histogram("How long they took.", "model", most=72),
    "trading_llm_cost_today": _gauge("What they cost today.", "currency", most=8, how=""),
    "trading_llm_budget": _gauge("What they may cost in a day, as set.", "currency", how=""),
    "trading_agent_contribution": _gauge(
        "What the agent's part in closed trades came to, over 7 days.", "agent", "mode", "currency", most=16
    ),
    "trading_agent_efficiency_ratio": _gauge(
        "Its contribution for each unit of LLM cost, over 7 days.", "agent", "mode", most=11, how="max"
    ),
    "trading_agent_hit_ratio": _gauge(
        "Share of its judged signals that were right, over 7 days.", "agent", "mode", most=11, how="max"
    ),
}

_GUARDS: Mapping[str, Family] = {
    "trading_anomalies_total": _counter(
        "Anomalies that bots detected, by kind and severity.", "kind", "severity", most=40
    ),
    "trading_anomalies_active": _gauge("Of those, not cleared yet.", "bot", "kind", most=26),
    "trading_breaker_tripped": _gauge(
        "1 while a circuit breaker is tripped, 0 after its reset.", "bot", most=BOTS, how="max"
    ),
    "trading_breaker_trips_total": _counter("How often one tripped.", "bot", most=BOTS),
    "trading_notifications_total": _counter(
        "Messages to people: `sent` or `failed`.", "channel", "outcome", most=16
    ),
}

TABLE: Mapping[str, Family] = {**_OWN, **_BOTS, **_MONEY, **_ORDERS, **_MODELS, **_GUARDS}
"""Name -> metric, in the order in which they are served."""
