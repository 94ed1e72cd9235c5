"""One bot, from its heartbeat to its orders."""

from __future__ import annotations

from scripts.dashboards.panel import (
    AMOUNT,
    HEALTH,
    LOSS,
    NONE_WANTED,
    ORANGE,
    STATES,
    YELLOW,
    Board,
    Column,
    above,
    graph,
    quantile,
    rate,
    table,
    timeline,
)

__all__ = ["BOT"]

_LIFE = (
    table(
        "State",
        "What the bot is doing, how it trades, and which release it runs since when.",
        "max by (bot, mode, state) (trading_bot_info{*})",
        "max by (bot, version, commit) (trading_bot_build_info{*})",
        "max by (bot) (trading_bot_release_timestamp_seconds{*}) * 1000",
        columns=(
            Column("bot", "Bot", link="bot"),
            Column("state", "State", words=STATES),
            Column("mode", "Mode"),
            Column("version", "Release"),
            Column("commit", "Commit"),
            Column("Value #C", "Since", "dateTimeFromNow"),
        ),
        width=12,
    ),
    timeline(
        "Components in trouble",
        "Parts that were not well at any time of the range, and how they are.",
        (
            "max by (component) (obs_component_health{*}"
            " and max_over_time(obs_component_health{*}[$__range]) > 1)",
            "{{component}}",
        ),
        words=HEALTH,
    ),
    graph(
        "How old",
        "Since its last heartbeat, market data and record of any kind. Grows while a market is closed.",
        ("trading_heartbeat_age_seconds{*}", "{{bot}} heartbeat"),
        ("trading_feed_age_seconds{*}", "{{bot}} market data"),
        ("time() - (trading_last_event_timestamp_seconds{*} > 0)", "{{bot}} any record"),
        unit="s",
    ),
    graph(
        "Loop and clock",
        "How long a turn takes, and how far its clock is from the exchange's; an alert comes at a second.",
        ("trading_loop_duration_seconds{*}", "{{bot}} loop"),
        ("trading_clock_offset_seconds{*}", "{{bot}} clock"),
        unit="s",
        limits=((None, ORANGE), (-1, "green"), (1, ORANGE)),
    ),
    graph("Memory", "As the bot says.", ("trading_bot_memory_bytes{*}", "{{bot}}"), unit="bytes"),
)

_MONEY = (
    graph(
        "Equity and its peak",
        "What the account is worth, and the most it was.",
        ("trading_equity{*}", "{{bot}} {{currency}}"),
        ("trading_equity_peak{*}", "{{bot}} peak {{currency}}"),
        unit=AMOUNT,
        is_from_zero=False,
    ),
    graph(
        "Profit and loss",
        "Realized net of fees, and what open positions would bring.",
        ("trading_pnl_realized{*}", "{{bot}} realized {{currency}}"),
        ("trading_pnl_unrealized{*}", "{{bot}} unrealized {{currency}}"),
        unit=AMOUNT,
        limits=LOSS,
    ),
    graph(
        "Exposure",
        "Value of what is held as a share of equity; above 100 % is borrowed.",
        ("trading_exposure_ratio{*}", "{{bot}}"),
        unit="percentunit",
        limits=above(1, ORANGE),
    ),
    graph(
        "Positions",
        "Held, and of these without a stop.",
        ("trading_positions_open{*}", "{{bot}} open"),
        ("trading_positions_unprotected{*}", "{{bot}} unprotected"),
    ),
    graph(
        "Without a stop for",
        "The longest of its positions; an alert comes after a minute.",
        ("trading_unprotected_seconds{*}", "{{bot}}"),
        unit="s",
        limits=above(60),
    ),
    graph(
        "Closed trades",
        "By result.",
        ("sum by (bot, result) (trading_trades{*})", "{{bot}} {{result}}"),
        is_stacked=True,
    ),
)

_ORDERS = (
    graph(
        "Orders",
        "By what became of them, a minute. Denied is our own check, rejected the exchange.",
        (rate("trading_orders_total", "bot, outcome", a_minute=True), "{{bot}} {{outcome}}"),
        unit="opm",
    ),
    graph(
        "Rejected",
        "Share of sent orders; promised are less than 1 %.",
        ("bot:trading_orders_rejected:ratio_rate5m{*}", "{{bot}}"),
        unit="percentunit",
        limits=above(0.01),
    ),
    graph(
        "Refused, why",
        "Orders denied or rejected, by reason, a minute, of all bots.",
        (rate("trading_orders_refused_total", "outcome, reason", a_minute=True), "{{outcome}}: {{reason}}"),
        unit="opm",
    ),
    graph(
        "Order latency",
        "From sending an order to the exchange's answer; dots lead to decisions.",
        (quantile(0.5, "trading_order_latency_seconds", "bot"), "{{bot}} p50"),
        (quantile(0.95, "trading_order_latency_seconds", "bot"), "{{bot}} p95"),
        unit="s",
        limits=above(1, YELLOW, 2.5),
    ),
    graph(
        "Slippage",
        "How much worse than the reference price orders were filled; the anomaly rule warns at 0.5 %.",
        (quantile(0.5, "trading_slippage_ratio", "bot"), "{{bot}} p50"),
        (quantile(0.9, "trading_slippage_ratio", "bot"), "{{bot}} p90"),
        unit="percentunit",
        limits=above(0.005, ORANGE),
    ),
    graph("Resting orders", "As its heartbeat says.", ("trading_orders_open{*}", "{{bot}}")),
    graph(
        "Requests to exchanges",
        "Answered or failed, of all bots.",
        (rate("trading_api_requests_total", "exchange, outcome"), "{{exchange}} {{outcome}}"),
        unit="reqps",
    ),
    graph(
        "Failed requests",
        "Share; promised are less than 1 %.",
        ("exchange:trading_api_failed:ratio_rate5m{*}", "{{exchange}}"),
        unit="percentunit",
        limits=above(0.01),
    ),
    graph(
        "Time of requests",
        "95 of 100 are faster.",
        (quantile(0.95, "trading_api_duration_seconds", "exchange"), "{{exchange}}"),
        unit="s",
        limits=above(2.5, YELLOW, 10),
    ),
)

_WHY = (
    graph(
        "Signals and decisions",
        "How many a minute.",
        (rate("trading_signals_total", "bot", a_minute=True), "{{bot}} signals"),
        (rate("trading_decisions_total", "bot", a_minute=True), "{{bot}} decisions"),
        unit="cpm",
    ),
    graph(
        "Stopped by gates",
        "Signals that a gate stopped, a minute.",
        (rate("trading_signals_filtered_total", "bot, gate", a_minute=True), "{{bot}} {{gate}}"),
        unit="cpm",
        is_stacked=True,
    ),
    graph(
        "Anomalies",
        "That bots detected, since the sidecar's first day.",
        ("sum by (kind, severity) (trading_anomalies_total{*})", "{{kind}} {{severity}}"),
    ),
    timeline(
        "Circuit breaker",
        "Tripped: the bot may only close positions.",
        ("max by (bot) (trading_breaker_tripped{*})", "{{bot}}"),
        words=(("0", "closed", "green"), ("1", "TRIPPED", "red")),
        width=8,
    ),
    graph(
        "Trips",
        "How often its circuit breaker tripped, since the sidecar's first day.",
        ("sum by (bot) (trading_breaker_trips_total{*})", "{{bot}}"),
        limits=NONE_WANTED,
    ),
    graph(
        "Messages to people",
        "That bots sent, or failed to, a minute.",
        (rate("trading_notifications_total", "channel, outcome", a_minute=True), "{{channel}} {{outcome}}"),
        unit="cpm",
    ),
)

BOT = Board(
    "obs-bot",
    "obs / Bot",
    "One bot, from its heartbeat to its orders. Choose it above; several, or all, are shown together.",
    (("Life", _LIFE), ("Money", _MONEY), ("Orders", _ORDERS), ("Why it trades, or does not", _WHY)),
    ("Live page", "${obs:raw}/"),
)
