"""All bots at one glance."""

from __future__ import annotations

from scripts.dashboards.panel import (
    AMOUNT,
    HEALTH,
    LOSS,
    NONE_WANTED,
    ORANGE,
    STATES,
    Board,
    Column,
    above,
    graph,
    rate,
    stat,
    table,
)

__all__ = ["FLEET"]

_NOW = (
    stat("Health", "Health of the whole, the worst of its components.", "max(obs_health{*})", words=HEALTH),
    stat(
        "Health score",
        "From 0 (worst) to 100 %.",
        "min(obs_health_score_ratio{*})",
        unit="percentunit",
        limits=((None, "red"), (0.5, ORANGE), (0.8, "green")),
    ),
    stat(
        "Money at risk",
        "Behind the open issues, by currency.",
        "sum by (currency) (obs_money_at_risk{*})",
        "{{currency}}",
        unit=AMOUNT,
        limits=NONE_WANTED,
    ),
    stat(
        "Unprotected positions",
        "Held without a stop.",
        "sum(trading_positions_unprotected{*})",
        limits=NONE_WANTED,
    ),
    stat(
        "Breakers tripped",
        "Bots that may only close positions.",
        "sum(trading_breaker_tripped{*})",
        limits=NONE_WANTED,
    ),
    stat(
        "Closed today",
        "Net result of trades closed today, all bots.",
        "sum by (mode, currency) (trading_pnl_today{*})",
        "{{currency}} {{mode}}",
        unit=AMOUNT,
        limits=LOSS,
    ),
)

_BOTS = (
    table(
        "Bots and how they are",
        "One line for each bot; `died` ended without goodbye. Its name leads to its dashboard.",
        "max by (bot, mode, state) (trading_bot_info{*})",
        "max by (bot, version) (trading_bot_build_info{*})",
        'sum by (bot) (obs_bot_issues{*,severity=~"critical|error"})',
        "max by (bot) (trading_heartbeat_age_seconds{*})",
        "max by (bot) (trading_positions_open{*})",
        "max by (bot) (trading_positions_unprotected{*})",
        "max by (bot) (trading_drawdown_ratio{*})",
        columns=(
            Column("bot", "Bot", link="bot"),
            Column("state", "State", words=STATES),
            Column("mode", "Mode"),
            Column("version", "Release"),
            Column("Value #C", "Grave issues", limits=NONE_WANTED),
            Column("Value #D", "Heartbeat, ago", "s"),
            Column("Value #E", "Positions"),
            Column("Value #F", "Without a stop", limits=NONE_WANTED),
            Column("Value #G", "Drawdown", "percentunit", above(0.1, ORANGE, 0.2)),
        ),
    ),
    graph(
        "Bots by state",
        "How many run, are halted, ended or died.",
        ("count by (state) (trading_bot_info{*})", "{{state}}"),
        is_stacked=True,
    ),
    graph(
        "Overdue work",
        "For how long of open market time a stage of its work is overdue; alerts come at 2 and 5 minutes.",
        ("trading_stage_overdue_seconds{*} > 0", "{{bot}} {{stage}}"),
        unit="s",
        limits=above(120, ORANGE, 300),
    ),
    graph(
        "Open issues by bot",
        "Graver than info.",
        ('sum by (bot, severity) (obs_bot_issues{*,severity!="info"})', "{{bot}} {{severity}}"),
        is_stacked=True,
    ),
)

_MONEY = (
    graph(
        "Equity",
        "What each account is worth.",
        ("trading_equity{*}", "{{bot}} {{currency}}"),
        unit=AMOUNT,
        is_from_zero=False,
    ),
    graph(
        "Result of the day",
        "Realized or not, as the bots say.",
        ("trading_pnl_day{*}", "{{bot}} {{currency}}"),
        unit=AMOUNT,
        limits=LOSS,
    ),
    graph(
        "Drawdown",
        "How far equity is below its peak; alerts come at 10 and 20 %.",
        ("trading_drawdown_ratio{*}", "{{bot}}"),
        unit="percentunit",
        limits=above(0.1, ORANGE, 0.2),
    ),
    graph(
        "Exposure",
        "Value of the open positions.",
        ("sum by (bot, currency) (trading_exposure{*})", "{{bot}} {{currency}}"),
        unit=AMOUNT,
    ),
    graph(
        "Anomalies that last",
        "Detected by bots, not cleared yet.",
        ("sum by (bot, kind) (trading_anomalies_active{*})", "{{bot}} {{kind}}"),
        limits=NONE_WANTED,
    ),
    graph(
        "Orders",
        "By what became of them, a minute.",
        (rate("trading_orders_total", "outcome", a_minute=True), "{{outcome}}"),
        unit="opm",
        is_stacked=True,
    ),
)

FLEET = Board(
    "obs-fleet",
    "obs / Fleet",
    "All bots at one glance: who lives, works, earns and is in danger.",
    (("Now", _NOW), ("Bots", _BOTS), ("Money", _MONEY)),
    ("One bot", "/d/obs-bot?${__url_time_range}&${__all_variables}"),
)
