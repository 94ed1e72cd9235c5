"""What a bot says of its calls to others: exchanges, messengers, language models."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from obs.books.facts import MAX_ENTRIES, BotFacts, Calls, Llm, Register, decimal, earlier, tally
from obs.events import Event, Severity
from obs.series import Series

if TYPE_CHECKING:
    from obs.money.entries import LlmCall

__all__ = ["LLM_CALL", "api", "llm", "notification"]

LLM_CALL = "gen_ai.client.inference.operation.details"
_CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"}
"""Finish reasons of OpenAI, Anthropic, Google, Mistral and Cohere for an answer that was cut off."""


def api(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    status = values.get("http.response.status_code")
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    failed = bool(values.get("error.type")) or (isinstance(status, int) and status >= 400)
    reason = str(values.get("error.type") or status or "")
    known = ("exchange.id", "server.address", "call.path")
    key = next((str(values[name]) for name in known if values.get(name)), "exchange")
    _call(bot.calls, key, event, register, failed=failed or event.severity >= Severity.ERROR, reason=reason)


def notification(bot: BotFacts, event: Event, register: Register) -> None:
    if register.values.get("server.address"):
        api(bot, event, register)
    failed = event.event_name == "notification.failed"
    key = str(register.values.get("channel") or "notifier")
    reason = str(register.values.get("error.type") or "")
    _call(bot.notifications, key, event, register, failed=failed, reason=reason)


def _call(
    calls: dict[str, Calls], key: str, event: Event, register: Register, *, failed: bool, reason: str
) -> None:
    entry = calls.setdefault(key, Calls())
    if not failed:
        entry.ok.add(event.time)
        entry.first_ok_after.put(register)
        return
    entry.failed.add(event.time)
    if reason:
        tally(entry.reasons, reason)
    entry.first_failure = earlier(entry.first_failure, register)
    entry.last_failure.put(register)


def llm(bot: BotFacts, event: Event, register: Register, call: LlmCall | None = None) -> None:
    values = register.values
    if values.get("server.address"):
        # Read from the answer of its address: that answered too.
        api(bot, event, register)
    name = values.get("gen_ai.agent.name") or values.get("server.address") or "agent"
    agent = bot.llm.setdefault(str(name), Llm())
    agent.calls.add(event.time)
    agent.first = earlier(agent.first, register)
    agent.last.put(register)
    if _CUT & set(re.split(r"[^a-z_]+", str(values.get("gen_ai.response.finish_reasons") or "").lower())):
        agent.cut.add(event.time)
        agent.last_cut.put(register)
    # One source of cost for every view: the price tables, else the bot's own word (`obs.money.pricing`).
    if call is None or call.cost is None:
        agent.unpriced += call is None or call.basis == "unpriced"
    else:
        agent.cost[call.currency] = agent.cost.get(call.currency, Decimal(0)) + call.cost
    for key in ("gen_ai.conversation.id", "llm.prompt_hash"):
        name = f"{key} {values[key]}" if values.get(key) else ""
        if name and (name in agent.repeated or len(agent.repeated) < MAX_ENTRIES):
            agent.repeated.setdefault(name, Series()).add(event.time)
    limit = decimal(values.get("llm.daily_limit"))
    if limit is not None:
        agent.limit = limit if agent.limit is None else max(agent.limit, limit)
