"""What our Grafana dashboards show, as data: `write_dashboards.py` gives it Grafana's form.

In expressions `[I]` stands for the chosen sidecars and `[B]` for the chosen bots of these.
"""

# ruff: noqa: E501 (an expression is easier to read, and to copy, in one piece)

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BOARDS", "HEALTH", "Board", "Panel", "full"]

RED, ORANGE, YELLOW, GREEN = "red", "orange", "yellow", "green"
CALM = ((None, GREEN),)
"""Nothing to warn of."""
HEALTH = {
    "0": ("OK", GREEN),
    "1": ("UNKNOWN", "blue"),
    "2": ("WARNING", YELLOW),
    "3": ("ERROR", ORANGE),
    "4": ("CRITICAL", RED),
}
_HEALTH = ((None, GREEN), (1, "blue"), (2, YELLOW), (3, ORANGE), (4, RED))
_ANY = ((None, GREEN), (1, RED))
_LOSS = ((None, RED), (0, GREEN))


class Panel(NamedTuple):
    """One panel: a title, what it tells, its queries."""

    title: str
    text: str
    queries: tuple[tuple[str, str], ...]
    """Expression and legend."""
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    limits: tuple[tuple[float | None, str], ...] = CALM
    stacked: bool = False
    is_health: bool = False
    content: str = ""
    """Markdown, of a text panel."""


class Board(NamedTuple):
    """One dashboard: rows of panels under headings."""

    uid: str
    title: str
    text: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]


def full(expression: str) -> str:
    """Return the expression with its selectors in Grafana's words."""
    return expression.replace("[I]", 'instance=~"$instance"').replace(
        "[B]", 'instance=~"$instance",bot=~"$bot"'
    )


def _one(expression: str, legend: str = "") -> tuple[tuple[str, str], ...]:
    return ((expression, legend),)


def _stat(
    title: str,
    text: str,
    expression: str,
    unit: str = "short",
    legend: str = "",
    *,
    limits: tuple[tuple[float | None, str], ...] = CALM,
    width: int = 4,
    is_health: bool = False,
) -> Panel:
    return Panel(title, text, _one(expression, legend), unit, "stat", width, limits, is_health=is_health)


def _rate(name: str, by: str, selector: str = "[B]") -> str:
    return f"sum by ({by}) (rate({name}{{{selector}}}[$__rate_interval]))"


def _quantile(share: float, name: str, by: str, selector: str = "[B]") -> str:
    return (
        f"histogram_quantile({share}, sum by (le, {by}) "
        f"(rate({name}_bucket{{{selector}}}[$__rate_interval])))"
    )


FLEET = Board(
    "obs-fleet",
    "obs / Fleet",
    "All bots at one glance: who lives, works, earns and is in danger.",
    (
        (
            "Now",
            (
                _stat(
                    "Health",
                    "Health of the whole, the worst of its components.",
                    "max(obs_health{[I]})",
                    limits=_HEALTH,
                    is_health=True,
                ),
                _stat(
                    "Health score",
                    "From 0 (worst) to 100 %.",
                    "min(obs_health_score_ratio{[I]})",
                    "percentunit",
                    limits=((None, RED), (0.5, ORANGE), (0.8, GREEN)),
                ),
                _stat(
                    "Money at risk",
                    "Behind the open issues, by currency.",
                    "sum by (currency) (obs_money_at_risk{[I]})",
                    legend="{{currency}}",
                    limits=_ANY,
                ),
                _stat(
                    "Unprotected positions",
                    "Held without a stop.",
                    "sum(trading_positions_unprotected{[I]})",
                    limits=_ANY,
                ),
                _stat(
                    "Breakers tripped",
                    "Bots that may only close positions.",
                    "sum(trading_breaker_tripped{[I]})",
                    limits=_ANY,
                ),
                _stat(
                    "Closed today",
                    "Net result of trades closed today, all bots.",
                    "sum by (mode, currency) (trading_pnl_today{[I]})",
                    legend="{{currency}} {{mode}}",
                    limits=_LOSS,
                ),
            ),
        ),
        (
            "Bots",
            (
                Panel(
                    "Bots and what they do",
                    "One line for each bot; `died` is a process that ended without goodbye.",
                    _one("trading_bot_info{[I]}", "{{bot}} ({{mode}}): {{state}}"),
                    "none",
                    "table",
                    12,
                ),
                Panel(
                    "Bots by state",
                    "How many run, are halted, ended or died.",
                    _one("count by (state) (trading_bot_info{[I]})", "{{state}}"),
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Overdue work",
                    "For how long of open market time a stage of a bot's work is overdue.",
                    _one("trading_stage_overdue_seconds{[I]} > 0", "{{bot}} {{stage}}"),
                    "s",
                    limits=((None, GREEN), (300, RED)),
                    width=12,
                ),
                Panel(
                    "Open issues by bot",
                    "Graver than info.",
                    _one(
                        'sum by (bot, severity) (obs_bot_issues{instance=~"$instance",severity!="info"})',
                        "{{bot}} {{severity}}",
                    ),
                    width=12,
                    stacked=True,
                ),
            ),
        ),
        (
            "Money",
            (
                Panel(
                    "Equity",
                    "What each account is worth.",
                    _one("trading_equity{[I]}", "{{bot}} {{currency}}"),
                ),
                Panel(
                    "Result of the day",
                    "Realized or not, as the bots say.",
                    _one("trading_pnl_day{[I]}", "{{bot}} {{currency}}"),
                    limits=_LOSS,
                ),
                Panel(
                    "Drawdown",
                    "How far equity is below its peak.",
                    _one("trading_drawdown_ratio{[I]}", "{{bot}}"),
                    "percentunit",
                    limits=((None, GREEN), (0.1, ORANGE), (0.2, RED)),
                ),
                Panel(
                    "Exposure",
                    "Value of the open positions.",
                    _one("sum by (bot, currency) (trading_exposure{[I]})", "{{bot}} {{currency}}"),
                    stacked=True,
                ),
                Panel(
                    "Anomalies that last",
                    "Detected by bots, not cleared yet.",
                    _one("sum by (bot, kind) (trading_anomalies_active{[I]})", "{{bot}} {{kind}}"),
                    limits=_ANY,
                ),
                Panel(
                    "Orders",
                    "By what became of them.",
                    _one(_rate("trading_orders_total", "outcome", "[I]"), "{{outcome}}"),
                    "ops",
                    stacked=True,
                ),
            ),
        ),
    ),
)

BOT = Board(
    "obs-bot",
    "obs / Bot",
    "One bot, from its heartbeat to its orders.",
    (
        (
            "Life",
            (
                Panel(
                    "State",
                    "What the bot is doing, and how it trades.",
                    _one("trading_bot_info{[B]}", "{{bot}} ({{mode}}): {{state}}"),
                    "none",
                    "table",
                    12,
                ),
                Panel(
                    "Components",
                    "Health of each of its parts.",
                    _one("obs_component_health{[I]}", "{{component}}"),
                    kind="timeseries",
                    width=12,
                    limits=_HEALTH,
                    is_health=True,
                ),
                Panel(
                    "Heartbeat and market data",
                    "Age of the newest heartbeat and of the newest tick or candle.",
                    (
                        ("trading_heartbeat_age_seconds{[B]}", "{{bot}} heartbeat"),
                        ("trading_feed_age_seconds{[B]}", "{{bot}} feed"),
                        ("time() - trading_last_event_timestamp_seconds{[B]}", "{{bot}} any record"),
                    ),
                    "s",
                ),
                Panel(
                    "Loop and clock",
                    "How long a turn takes, and how far the clocks are apart.",
                    (
                        ("trading_loop_duration_seconds{[B]}", "{{bot}} loop"),
                        ("trading_clock_offset_seconds{[B]}", "{{bot}} clock"),
                    ),
                    "s",
                ),
                Panel(
                    "Memory", "As the bot says.", _one("trading_bot_memory_bytes{[B]}", "{{bot}}"), "bytes"
                ),
            ),
        ),
        (
            "Money",
            (
                Panel(
                    "Equity and its peak",
                    "What the account is worth, and the most it was.",
                    (
                        ("trading_equity{[B]}", "{{bot}} {{currency}}"),
                        ("trading_equity_peak{[B]}", "{{bot}} peak"),
                    ),
                ),
                Panel(
                    "Profit and loss",
                    "Realized net of fees, and what open positions would bring.",
                    (
                        ("trading_pnl_realized{[B]}", "{{bot}} realized {{currency}}"),
                        ("trading_pnl_unrealized{[B]}", "{{bot}} unrealized {{currency}}"),
                    ),
                    limits=_LOSS,
                ),
                Panel(
                    "Exposure", "Of equity.", _one("trading_exposure_ratio{[B]}", "{{bot}}"), "percentunit"
                ),
                Panel(
                    "Positions",
                    "Held, and of these without a stop.",
                    (
                        ("trading_positions_open{[B]}", "{{bot}} open"),
                        ("trading_positions_unprotected{[B]}", "{{bot}} unprotected"),
                    ),
                ),
                Panel(
                    "Without a stop for",
                    "The longest of its positions.",
                    _one("trading_unprotected_seconds{[B]}", "{{bot}}"),
                    "s",
                    limits=((None, GREEN), (60, RED)),
                ),
                Panel(
                    "Closed trades",
                    "By result.",
                    _one("sum by (bot, result) (trading_trades{[B]})", "{{bot}} {{result}}"),
                    stacked=True,
                ),
            ),
        ),
        (
            "Orders",
            (
                Panel(
                    "Orders",
                    "By what became of them. Denied is our own check, rejected the exchange.",
                    _one(_rate("trading_orders_total", "bot, outcome"), "{{bot}} {{outcome}}"),
                    "ops",
                ),
                Panel(
                    "Rejected",
                    "Share of sent orders; promised are less than 1 %.",
                    _one("bot:trading_orders_rejected:ratio_rate5m{[B]}", "{{bot}}"),
                    "percentunit",
                    limits=((None, GREEN), (0.01, RED)),
                ),
                Panel(
                    "Refused, why",
                    "Orders denied or rejected, by reason.",
                    _one(
                        _rate("trading_orders_refused_total", "outcome, reason", "[I]"),
                        "{{outcome}}: {{reason}}",
                    ),
                    "ops",
                ),
                Panel(
                    "Order latency",
                    "From sending an order to the exchange's answer; dots lead to decisions.",
                    (
                        (_quantile(0.5, "trading_order_latency_seconds", "bot"), "{{bot}} p50"),
                        (_quantile(0.95, "trading_order_latency_seconds", "bot"), "{{bot}} p95"),
                    ),
                    "s",
                ),
                Panel(
                    "Slippage",
                    "How much worse than the reference price orders were filled.",
                    (
                        (_quantile(0.5, "trading_slippage_ratio", "bot"), "{{bot}} p50"),
                        (_quantile(0.9, "trading_slippage_ratio", "bot"), "{{bot}} p90"),
                    ),
                    "percentunit",
                ),
                Panel(
                    "Resting orders", "As its heartbeat says.", _one("trading_orders_open{[B]}", "{{bot}}")
                ),
                Panel(
                    "Requests to exchanges",
                    "Answered or failed.",
                    _one(
                        _rate("trading_api_requests_total", "exchange, outcome", "[I]"),
                        "{{exchange}} {{outcome}}",
                    ),
                    "reqps",
                ),
                Panel(
                    "Failed requests",
                    "Share; promised are less than 1 %.",
                    _one("exchange:trading_api_failed:ratio_rate5m{[I]}", "{{exchange}}"),
                    "percentunit",
                    limits=((None, GREEN), (0.01, RED)),
                ),
                Panel(
                    "Time of requests",
                    "95 of 100 are faster.",
                    _one(_quantile(0.95, "trading_api_duration_seconds", "exchange", "[I]"), "{{exchange}}"),
                    "s",
                ),
            ),
        ),
        (
            "Why it trades, or does not",
            (
                Panel(
                    "Signals and decisions",
                    "How many a second.",
                    (
                        (_rate("trading_signals_total", "bot"), "{{bot}} signals"),
                        (_rate("trading_decisions_total", "bot"), "{{bot}} decisions"),
                    ),
                    "ops",
                ),
                Panel(
                    "Stopped by gates",
                    "Signals that a gate stopped.",
                    _one(_rate("trading_signals_filtered_total", "bot, gate"), "{{bot}} {{gate}}"),
                    "ops",
                    stacked=True,
                ),
                Panel(
                    "Anomalies",
                    "Detected by bots.",
                    _one(
                        "sum by (kind, severity) (increase(trading_anomalies_total{[I]}[$__rate_interval]))",
                        "{{kind}} {{severity}}",
                    ),
                ),
                Panel(
                    "Circuit breaker",
                    "1 while it is tripped.",
                    (
                        ("trading_breaker_tripped{[B]}", "{{bot}}"),
                        ("trading_breaker_trips_total{[B]}", "{{bot}} trips"),
                    ),
                    limits=_ANY,
                ),
                Panel(
                    "Messages to people",
                    "Sent or failed.",
                    _one(
                        _rate("trading_notifications_total", "channel, outcome", "[I]"),
                        "{{channel}} {{outcome}}",
                    ),
                    "ops",
                ),
            ),
        ),
    ),
)

MONEY = Board(
    "obs-money",
    "obs / Money & LLM cost",
    "What was earned, and what thinking cost. Currencies are never added.",
    (
        (
            "Result",
            (
                Panel(
                    "Realized",
                    "Of all closed trades, net of fees.",
                    _one("sum by (mode, currency) (trading_pnl_realized{[B]})", "{{currency}} {{mode}}"),
                    limits=_LOSS,
                ),
                Panel(
                    "Fees",
                    "Paid within the range; rebates count as 0.",
                    _one(
                        "sum by (bot, currency) (increase(trading_fees_total{[B]}[$__range]))",
                        "{{bot}} {{currency}}",
                    ),
                ),
                Panel(
                    "Turnover",
                    "Price times quantity of all fills within the range.",
                    _one(
                        "sum by (bot, currency) (increase(trading_volume_total{[B]}[$__range]))",
                        "{{bot}} {{currency}}",
                    ),
                ),
                Panel(
                    "Share of trades won",
                    "Of closed trades with a result.",
                    _one(
                        'sum by (bot) (trading_trades{[B],result="won"}) / sum by (bot) (trading_trades{[B],result=~"won|lost|even"})',
                        "{{bot}}",
                    ),
                    "percentunit",
                ),
                Panel(
                    "Money at risk",
                    "Behind the open issues.",
                    _one("obs_money_at_risk{[I]}", "{{currency}}"),
                    limits=_ANY,
                ),
                Panel(
                    "Closed today",
                    "Net result, all bots.",
                    _one("trading_pnl_today{[I]}", "{{currency}} {{mode}}"),
                    limits=_LOSS,
                ),
            ),
        ),
        (
            "Language models",
            (
                _stat(
                    "Cost today",
                    "By price table or the bot's word.",
                    "sum by (currency) (trading_llm_cost_today{[I]})",
                    legend="{{currency}}",
                    width=6,
                ),
                _stat(
                    "Of the budget",
                    "Today's cost as a share of what was set.",
                    "trading_llm_cost_today{[I]} / on (instance, currency) trading_llm_budget{[I]}",
                    "percentunit",
                    "{{currency}}",
                    limits=((None, GREEN), (0.8, ORANGE), (1, RED)),
                    width=6,
                ),
                _stat(
                    "Budget",
                    "What they may cost in a day, as set.",
                    "trading_llm_budget{[I]}",
                    legend="{{currency}}",
                    width=6,
                ),
                _stat(
                    "Unpriced calls",
                    "Cost shown is too low by these.",
                    "sum by (model) (trading_llm_unpriced_calls_total{[I]})",
                    legend="{{model}}",
                    limits=((None, GREEN), (1, YELLOW)),
                    width=6,
                ),
                Panel(
                    "Cost by agent and model",
                    "An hour, at the pace of the last hour.",
                    _one(
                        "sum by (agent, model, currency) (rate(trading_llm_cost_total{[B]}[1h])) * 3600",
                        "{{agent}} {{model}} {{currency}}",
                    ),
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Tokens",
                    "Input with cached, output with reasoning.",
                    _one(_rate("trading_llm_tokens_total", "model, kind"), "{{model}} {{kind}}"),
                    "ops",
                    width=12,
                ),
                Panel(
                    "Calls",
                    "Answered, failed, or cut because no more tokens were allowed.",
                    _one(_rate("trading_llm_calls_total", "model, outcome"), "{{model}} {{outcome}}"),
                    "ops",
                ),
                Panel(
                    "Time of calls",
                    "Half and 95 of 100 are faster.",
                    (
                        (_quantile(0.5, "trading_llm_duration_seconds", "model", "[I]"), "{{model}} p50"),
                        (_quantile(0.95, "trading_llm_duration_seconds", "model", "[I]"), "{{model}} p95"),
                    ),
                    "s",
                ),
                Panel(
                    "Cost of an hour",
                    "Pace of the last hour, by currency.",
                    _one("currency:trading_llm_cost:rate1h{[I]} * 3600", "{{currency}}"),
                ),
            ),
        ),
        (
            "Agents",
            (
                Panel(
                    "Contribution",
                    "An agent's part in closed trades, over 7 days.",
                    _one("trading_agent_contribution{[I]}", "{{agent}} {{currency}}"),
                    limits=_LOSS,
                ),
                Panel(
                    "For each unit of LLM cost",
                    "Contribution by cost, over 7 days.",
                    _one("trading_agent_efficiency_ratio{[I]}", "{{agent}}"),
                    limits=((None, RED), (1, GREEN)),
                ),
                Panel(
                    "Hit rate",
                    "Share of judged signals that were right, over 7 days.",
                    _one("trading_agent_hit_ratio{[I]}", "{{agent}}"),
                    "percentunit",
                ),
            ),
        ),
    ),
)

ISSUES = Board(
    "obs-issues",
    "obs / Issues & Briefings",
    "What is wrong, and where the page about it lies.",
    (
        (
            "Briefing",
            (
                Panel(
                    "Read on",
                    "Where obs itself tells it.",
                    (),
                    kind="text",
                    width=24,
                    content=(
                        "**[Live page]($obs/)** · **[Briefing]($obs/api/briefing)** · [한국어]($obs/api/briefing?lang=ko) · "
                        "[Issues]($obs/api/issues) · [Funnel]($obs/api/funnel) · [Events]($obs/api/events?since=2h)\n\n"
                        "On the machine: `obs brief`, `obs issues`, `obs show I-…`. A dot (exemplar) in a panel carries the id of "
                        "the issue or decision behind it.\n\nIs the address wrong? Set the variable *obs* above."
                    ),
                ),
            ),
        ),
        (
            "Issues",
            (
                _stat(
                    "Critical",
                    "Open critical issues.",
                    'sum(obs_issues{instance=~"$instance",severity="critical"})',
                    limits=_ANY,
                    width=6,
                ),
                _stat(
                    "Errors",
                    "Open issues of severity error.",
                    'sum(obs_issues{instance=~"$instance",severity="error"})',
                    limits=((None, GREEN), (1, ORANGE)),
                    width=6,
                ),
                _stat(
                    "Warnings",
                    "Open issues of severity warning.",
                    'sum(obs_issues{instance=~"$instance",severity="warning"})',
                    limits=((None, GREEN), (1, YELLOW)),
                    width=6,
                ),
                _stat(
                    "Money at risk",
                    "Behind the open issues.",
                    "sum by (currency) (obs_money_at_risk{[I]})",
                    legend="{{currency}}",
                    limits=_ANY,
                    width=6,
                ),
                Panel(
                    "By category",
                    "Open issues.",
                    _one("sum by (category) (obs_issues{[I]}) > 0", "{{category}}"),
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "By bot",
                    "Open issues by the bot they concern.",
                    _one("sum by (bot, severity) (obs_bot_issues{[B]}) > 0", "{{bot}} {{severity}}"),
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Records by severity",
                    "What bots log.",
                    _one(_rate("obs_events_total", "severity", "[I]"), "{{severity}}"),
                    "ops",
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Masked secrets",
                    "Records in which a secret was masked: rotate it.",
                    _one("sum by (kind) (obs_secrets_masked_total{[I]})", "{{kind}}"),
                    width=12,
                    limits=_ANY,
                ),
                Panel(
                    "Alerts that fire",
                    "Of Prometheus' own rules.",
                    _one(
                        'count by (alertname, severity, bot) (ALERTS{alertstate="firing"})',
                        "{{alertname}} {{bot}}",
                    ),
                    width=24,
                    stacked=True,
                ),
            ),
        ),
    ),
)

SIDECAR = Board(
    "obs-sidecar",
    "obs / Sidecar",
    "Is the watcher itself well?",
    (
        (
            "Now",
            (
                _stat(
                    "Version",
                    "Of the sidecar.",
                    "count by (version) (obs_build_info{[I]})",
                    legend="{{version}}",
                ),
                _stat(
                    "Up",
                    "Whether Prometheus reaches it.",
                    'min(up{job="obs",instance=~"$instance"})',
                    limits=((None, RED), (1, GREEN)),
                ),
                _stat(
                    "Fault", "1 while it cannot store or show.", "max(obs_sidecar_fault{[I]})", limits=_ANY
                ),
                _stat(
                    "Runs for",
                    "Since the start of its process.",
                    "time() - min(obs_sidecar_start_timestamp_seconds{[I]})",
                    "s",
                ),
                _stat(
                    "Age of the picture",
                    "Behind all figures.",
                    "time() - min(obs_snapshot_timestamp_seconds{[I]})",
                    "s",
                    limits=((None, GREEN), (30, ORANGE), (120, RED)),
                ),
                _stat(
                    "Lost records",
                    "All reasons, within the range.",
                    "sum(increase(obs_events_dropped_total{[I]}[$__range])) or vector(0)",
                    limits=_ANY,
                ),
            ),
        ),
        (
            "Work",
            (
                Panel(
                    "Records taken in",
                    "A second.",
                    _one("sum by (instance) (rate(obs_events_total{[I]}[$__rate_interval]))", "{{instance}}"),
                    "ops",
                ),
                Panel(
                    "Lost records",
                    "Emitted and never arrived, by reason.",
                    _one("sum by (reason) (obs_events_dropped_total{[I]})", "{{reason}}"),
                    limits=_ANY,
                ),
                Panel(
                    "Since the newest record",
                    "By the records' own time.",
                    _one("time() - obs_last_event_timestamp_seconds{[I]}", "{{instance}}"),
                    "s",
                ),
                Panel(
                    "Fold lag",
                    "From a record's time to its being folded.",
                    (
                        (_quantile(0.5, "obs_fold_lag_seconds", "instance", "[I]"), "p50"),
                        (_quantile(0.99, "obs_fold_lag_seconds", "instance", "[I]"), "p99"),
                    ),
                    "s",
                ),
                Panel(
                    "Drawing of files",
                    "Briefing and dashboard.",
                    (
                        (_quantile(0.5, "obs_briefing_render_duration_seconds", "instance", "[I]"), "p50"),
                        (_quantile(0.95, "obs_briefing_render_duration_seconds", "instance", "[I]"), "p95"),
                    ),
                    "s",
                ),
                Panel(
                    "Waiting",
                    "Records of other doors, not folded yet.",
                    _one("obs_queue_events{[I]}", "{{instance}}"),
                ),
                Panel(
                    "Spool",
                    "Bytes not folded yet.",
                    _one("obs_spool_pending_bytes{[I]}", "{{instance}}"),
                    "bytes",
                    limits=((None, GREEN), (67108864, ORANGE)),
                ),
                Panel("Live pages", "That are shown.", _one("obs_stream_clients{[I]}", "{{instance}}")),
                Panel(
                    "Cache",
                    "Share of calls answered from a cache.",
                    _one(
                        "sum by (cache) (rate(obs_cache_hits_total{[I]}[$__rate_interval])) / (sum by (cache) (rate(obs_cache_hits_total{[I]}[$__rate_interval]))"
                        " + sum by (cache) (rate(obs_cache_misses_total{[I]}[$__rate_interval])))",
                        "{{cache}}",
                    ),
                    "percentunit",
                ),
            ),
        ),
        (
            "OpenTelemetry out",
            (
                Panel(
                    "Taken, sent, dropped",
                    "Records for the collector: taken is sent, dropped or still waiting.",
                    (
                        (
                            "sum by (instance) (rate(obs_otlp_export_taken_total{[I]}[$__rate_interval]))",
                            "taken",
                        ),
                        (
                            "sum by (instance) (rate(obs_otlp_export_sent_total{[I]}[$__rate_interval]))",
                            "sent",
                        ),
                        (
                            "sum by (instance) (rate(obs_otlp_export_dropped_total{[I]}[$__rate_interval]))",
                            "dropped",
                        ),
                    ),
                    "ops",
                    width=12,
                ),
                Panel(
                    "Waiting for the collector",
                    "Not sent yet.",
                    _one("sum by (instance) (obs_otlp_export_waiting{[I]})", "{{instance}}"),
                    width=12,
                ),
            ),
        ),
        (
            "What it uses",
            (
                Panel(
                    "Memory",
                    "Resident.",
                    _one("obs_sidecar_resident_memory_bytes{[I]}", "{{instance}}"),
                    "bytes",
                    limits=((None, GREEN), (536870912, ORANGE)),
                ),
                Panel(
                    "Processor",
                    "Of one core.",
                    _one("rate(obs_sidecar_cpu_seconds_total{[I]}[$__rate_interval])", "{{instance}}"),
                    "percentunit",
                ),
                Panel("Store", "Size of its files.", _one("obs_store_bytes{[I]}", "{{instance}}"), "bytes"),
                Panel(
                    "Free disk",
                    "Where spool and store lie.",
                    _one("obs_disk_free_bytes{[I]}", "{{instance}}"),
                    "bytes",
                    limits=((None, RED), (1073741824, GREEN)),
                ),
                Panel(
                    "Names without room",
                    "They count as `other`.",
                    _one("obs_labels_folded{[I]}", "{{label}}"),
                    limits=((None, GREEN), (1, YELLOW)),
                ),
                Panel(
                    "Scrape",
                    "How long Prometheus waits, and how many series it gets.",
                    (
                        ('scrape_duration_seconds{job="obs",instance=~"$instance"}', "seconds"),
                        ('scrape_samples_scraped{job="obs",instance=~"$instance"} / 1000', "thousand series"),
                    ),
                ),
            ),
        ),
    ),
)

BOARDS = (FLEET, BOT, MONEY, ISSUES, SIDECAR)
