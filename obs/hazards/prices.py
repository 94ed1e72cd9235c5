"""Bots whose own word of what a model costs is not what the price table says."""

from __future__ import annotations

from collections.abc import Iterator

from obs.hazards.making import issue
from obs.healthrows import number
from obs.money.book import Compared, MoneyBook
from obs.money.quarters import split
from obs.quoting import plain
from obs.snapshot import Category, Evidence, Issue, IssueSeverity

__all__ = ["misreported"]

LEAST_SHARE = 100
"""A difference of more than a hundredth is told."""
LEAST_CALLS = 3
"""Of fewer calls what a bot rounds may be as much."""


def misreported(book: MoneyBook) -> Iterator[Issue]:
    """Yield an issue for each model whose cost a bot reports otherwise than its tokens and price make it."""
    for key, compared in sorted(book.compared.items()):
        service, agent, model, currency = split(key)
        off = abs(compared.reported - compared.computed)
        if compared.calls >= LEAST_CALLS and off * LEAST_SHARE > compared.computed:
            yield _issue(service, agent, model, currency, compared)


def _issue(service: str, agent: str, model: str, currency: str, compared: Compared) -> Issue:
    told, real = number(compared.reported, 4), number(compared.computed, 4)
    quote = compared.quote
    evidence = []
    if quote is not None:
        evidence = [Evidence(id=quote[0], time=quote[1], severity=quote[2], source=quote[3], text=quote[4])]
    return issue(
        ("llm-price", service, agent, model),
        Category.LLM,
        IssueSeverity.INFO,
        f"Reported LLM cost differs: {plain(model)}",
        service,
        first=compared.first,
        last=compared.last[0],
        count=compared.calls,
        explanation=f"{plain(agent)} reported {told} {plain(currency)} for {compared.calls} calls; their "
        f"tokens come to {real} {plain(currency)} ({plain(compared.price)}). "
        "The figures here go by the tokens.",
        fix_in="config: the bot's price table, or `prices` of obs when that one is right",
        actions=(
            f"[read] The provider's price of {plain(model)}, and the invoice: which of the two is right?",
            "[config] The bot's price table; or the right price in the file that `prices` names.",
            "[code] Are cached tokens part of the input tokens that are logged? They cost less.",
        ),
        do_not="trust a budget that the bot counts by this price",
        minutes=10,
        evidence=evidence,
        grouped_by=f"calls of {plain(model)} by {plain(agent)}",
    )
