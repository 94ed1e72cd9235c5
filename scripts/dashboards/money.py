"""What was earned, and what thinking cost."""

from __future__ import annotations

from scripts.dashboards.panel import (
    AMOUNT,
    LOSS,
    NONE_WANTED,
    ORANGE,
    YELLOW,
    Board,
    above,
    below,
    graph,
    quantile,
    rate,
    stat,
)

__all__ = ["MONEY"]

_RESULT = (
    stat(
        "Fees",
        "Paid within the range; rebates count as 0.",
        "sum by (bot, currency) (increase(trading_fees_total{*}[$__range]))",
        "{{bot}} {{currency}}",
        unit=AMOUNT,
        width=12,
    ),
    stat(
        "Turnover",
        "Price times quantity of all fills within the range.",
        "sum by (bot, currency) (increase(trading_volume_total{*}[$__range]))",
        "{{bot}} {{currency}}",
        unit=AMOUNT,
        width=12,
    ),
    graph(
        "Realized",
        "Of all closed trades, net of fees.",
        ("sum by (mode, currency) (trading_pnl_realized{*})", "{{currency}} {{mode}}"),
        unit=AMOUNT,
        width=12,
        limits=LOSS,
    ),
    graph(
        "Share of trades won",
        "Of closed trades with a result.",
        (
            'sum by (bot) (trading_trades{*,result="won"})'
            ' / sum by (bot) (trading_trades{*,result=~"won|lost|even"})',
            "{{bot}}",
        ),
        unit="percentunit",
        width=12,
    ),
    graph(
        "Money at risk",
        "Behind the open issues.",
        ("sum by (currency) (obs_money_at_risk{*})", "{{currency}}"),
        unit=AMOUNT,
        width=12,
        limits=NONE_WANTED,
    ),
    graph(
        "Closed today",
        "Net result, all bots.",
        ("sum by (mode, currency) (trading_pnl_today{*})", "{{currency}} {{mode}}"),
        unit=AMOUNT,
        width=12,
        limits=LOSS,
    ),
)

_MODELS = (
    stat(
        "Cost today",
        "By price table or the bot's word.",
        "sum by (currency) (trading_llm_cost_today{*})",
        "{{currency}}",
        unit=AMOUNT,
        width=6,
    ),
    stat(
        "Of the budget",
        "Today's cost as a share of what was set; alerts come at 80 and 100 %.",
        "trading_llm_cost_today{*} / on (instance, currency) trading_llm_budget{*}",
        "{{currency}}",
        unit="percentunit",
        limits=above(0.8, ORANGE, 1),
        width=6,
    ),
    stat(
        "Budget",
        "What they may cost in a day, as set.",
        "max by (currency) (trading_llm_budget{*})",
        "{{currency}}",
        unit=AMOUNT,
        width=6,
    ),
    stat(
        "Unpriced calls",
        "Cost shown is too low by these.",
        "sum by (model) (trading_llm_unpriced_calls_total{*})",
        "{{model}}",
        limits=above(1, YELLOW),
        width=6,
    ),
    graph(
        "Cost by agent and model",
        "An hour, at the pace of the last hour.",
        (
            "sum by (agent, model, currency) (rate(trading_llm_cost_total{*}[1h])) * 3600",
            "{{agent}} {{model}} {{currency}}",
        ),
        unit=AMOUNT,
        width=12,
        is_stacked=True,
    ),
    graph(
        "Tokens",
        "A minute: input with cached, output with reasoning.",
        (rate("trading_llm_tokens_total", "model, kind", a_minute=True), "{{model}} {{kind}}"),
        unit="cpm",
        width=12,
    ),
    graph(
        "Calls",
        "A minute: answered, failed, or cut because no more tokens were allowed.",
        (rate("trading_llm_calls_total", "model, outcome", a_minute=True), "{{model}} {{outcome}}"),
        unit="reqpm",
    ),
    graph(
        "Time of calls",
        "Half and 95 of 100 are faster.",
        (quantile(0.5, "trading_llm_duration_seconds", "model"), "{{model}} p50"),
        (quantile(0.95, "trading_llm_duration_seconds", "model"), "{{model}} p95"),
        unit="s",
        limits=above(20, YELLOW, 60),
    ),
    graph(
        "Cost of an hour",
        "Pace of the last hour, by currency.",
        ("currency:trading_llm_cost:rate1h{*} * 3600", "{{currency}}"),
        unit=AMOUNT,
    ),
)

_AGENTS = (
    graph(
        "Contribution",
        "An agent's part in closed trades, over 7 days.",
        ("trading_agent_contribution{*}", "{{agent}} {{currency}} {{mode}}"),
        unit=AMOUNT,
        limits=LOSS,
    ),
    graph(
        "For each unit of LLM cost",
        "Contribution by cost, over 7 days: below 1 it costs more than it brings.",
        ("trading_agent_efficiency_ratio{*}", "{{agent}} {{mode}}"),
        limits=below(1),
    ),
    graph(
        "Hit rate",
        "Share of judged signals that were right, over 7 days.",
        ("trading_agent_hit_ratio{*}", "{{agent}} {{mode}}"),
        unit="percentunit",
        limits=below(0.5),
    ),
)

MONEY = Board(
    "obs-money",
    "obs / Money & LLM cost",
    "What was earned, and what thinking cost. Currencies are never added.",
    (("Result", _RESULT), ("Language models", _MODELS), ("Agents", _AGENTS)),
    ("Live page", "${obs:raw}/"),
)
