"""A stand-in for a language model that reads headlines: same text, same answer, and a bill.

It makes no request. What it reports is what a real client would: one GenAI event for each call, with
tokens and the cost by a dated price table.
"""

from __future__ import annotations

import hashlib
import logging
import random
from dataclasses import dataclass
from decimal import Decimal

from trading.logs import BotLog, Value
from trading.paper.books import Books
from trading.paper.clock import Clock
from trading.paper.faults import FaultPlan
from trading.signals.signal import Signal

__all__ = ["HEADLINES", "PRICES", "PRICE_VERSION", "NewsAnalyst", "cost"]

PRICE_VERSION = "2026-11-01"
PRICES = {"gpt-4o-2024-08-06": (Decimal("2.50"), Decimal("10.00"))}
"""Model → USD for a million input and output tokens."""

MODEL = "gpt-4o"
RESPONSE_MODEL = "gpt-4o-2024-08-06"

HEADLINES = (
    ("Exchange volumes hold steady ahead of the US session", 0.1),
    ("Miner reports record hash rate, shares gain", 0.72),
    ("Regulator schedules a hearing on custody rules", -0.3),
    ("Payments firm widens coin support to ten more countries", 0.81),
    ("Analysts see little change in funding rates", 0.05),
    ("Large holder moves coins to an exchange", -0.74),
    ("Developers ship a minor wallet release", 0.2),
    ("Index provider adds two coins to its benchmark", 0.69),
    ("Quiet weekend expected, desks say", 0.0),
)
"""Texts and how good the news is, -1..1."""


def cost(model: str, input_tokens: int, output_tokens: int) -> Decimal | None:
    """Return what a call costs in USD, or `None` for a model that has no price."""
    if model not in PRICES:
        return None
    for_input, for_output = PRICES[model]
    return (for_input * input_tokens + for_output * output_tokens) / 1_000_000


@dataclass
class NewsAnalyst:
    """Reads headlines and says what to do; calls cost money."""

    bot_id: str
    clock: Clock
    log: BotLog
    faults: FaultPlan
    rng: random.Random
    books: Books
    daily_limit: Decimal = Decimal(10)
    """USD in a day after which it warns; the setting `llm.daily_limit`."""
    _is_looping: bool = False

    def read(self, headline: str, mood: float) -> Signal | None:
        """Return what to do about a headline, or `None` for nothing."""
        if self.faults.is_agent_looping(self.bot_id, self.clock.elapsed):
            self._loop_once(headline)
            return None
        conversation = f"c-{5500 + self.books.llm_calls}"
        self._call(
            headline, conversation, 1900 + self.rng.randrange(200), 90 + self.rng.randrange(40), "stop"
        )
        if abs(mood) < 0.15:
            return None
        action, confidence = ("buy" if mood > 0 else "sell"), round(0.35 + abs(mood) / 2, 2)
        return Signal("buy" if action == "buy" else "sell", confidence, headline, agent="news-analyst")

    def _loop_once(self, headline: str) -> None:
        if self._is_looping:
            return
        self._is_looping = True
        conversation = f"c-{5500 + self.books.llm_calls}"

        def again() -> None:
            if not self.faults.is_agent_looping(self.bot_id, self.clock.elapsed):
                self._is_looping = False
                return
            # The same question with the same documents: only the last tool answer differs by a few tokens.
            self._call(headline, conversation, 41_400 + self.rng.randrange(90), 316, "tool_calls")
            self.clock.after(max(10.0, 17.5 - self.clock.elapsed / 300), again)

        self.clock.after(3, again)

    def _call(self, prompt: str, conversation: str, tokens_in: int, tokens_out: int, finish: str) -> None:
        self.books.llm_calls += 1
        seconds = 0.8 + tokens_in / 10_000 + self.rng.random() * 0.4
        self.clock.wait(seconds)
        price = cost(RESPONSE_MODEL, tokens_in, tokens_out)
        answer = f"{self.bot_id}-{self.clock.start_ns // 10**9:x}-{self.books.llm_calls}"
        about: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": MODEL,
            "gen_ai.response.model": RESPONSE_MODEL,
            "gen_ai.response.id": f"chatcmpl-{answer}",
            "gen_ai.response.finish_reasons": finish,
            "gen_ai.usage.input_tokens": tokens_in,
            "gen_ai.usage.output_tokens": tokens_out,
            "gen_ai.agent.name": "news-analyst",
            "gen_ai.conversation.id": conversation,
            "duration_ms": round(seconds * 1000),
            "llm.cost": price,
            "llm.cost_currency": "USD",
            "llm.price_version": PRICE_VERSION,
            "llm.prompt_hash": hashlib.sha256(prompt.encode()).hexdigest()[:12],
        }
        self.log.event("gen_ai.client.inference.operation.details", about, "llm call by %s", "news-analyst")
        self._count(price or Decimal(0))

    def _count(self, price: Decimal) -> None:
        before, self.books.llm_cost = self.books.llm_cost, self.books.llm_cost + price
        if before <= self.daily_limit < self.books.llm_cost:
            words = "llm cost today %s USD is above llm.daily_limit = %s USD"
            spent = self.books.llm_cost.quantize(Decimal("0.01"))
            self.log.line("agents", logging.WARNING, words, spent, self.daily_limit)
