"""Spans of language-model calls as `gen_ai.client.inference.operation.details`, whatever names they use.

Known are OpenTelemetry's GenAI conventions of today, those before version 1.37 (`gen_ai.system`,
`prompt_tokens`), OpenLLMetry's `llm.*` and OpenInference's. Spans around calls (an agent's run, a tool, a
chain) sum up what their calls say already; they are no calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obs.books import LLM_CALL
from obs.otlp.content import without_content

__all__ = ["call_of", "identity_of", "is_call"]

INFERENCE = frozenset(
    {"chat", "completion", "text_completion", "generate_content", "embeddings", "responses"}
)
_OLD_KINDS = frozenset({"chat", "completion", "embedding", "embeddings"})
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "gen_ai.provider.name": ("gen_ai.system", "llm.provider", "llm.system"),
    "gen_ai.request.model": ("llm.request.model", "llm.model_name", "embedding.model_name"),
    "gen_ai.response.model": ("llm.response.model",),
    "gen_ai.request.max_tokens": ("llm.request.max_tokens",),
    "gen_ai.response.finish_reasons": ("llm.response.finish_reason", "gen_ai.response.finish_reason"),
    "gen_ai.usage.input_tokens": (
        "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt",
    ),
    "gen_ai.usage.output_tokens": (
        "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens", "llm.token_count.completion",
    ),
    "gen_ai.usage.cache_read.input_tokens": (
        "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cached_tokens", "llm.token_count.prompt_details.cache_read",
    ),
    "gen_ai.usage.cache_creation.input_tokens": (
        "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "gen_ai.usage.reasoning.output_tokens": (
        "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens", "llm.token_count.completion_details.reasoning",
    ),
    "gen_ai.agent.name": ("agent_name", "traceloop.entity.name"),
    "gen_ai.conversation.id": ("session.id", "traceloop.association.properties.session_id"),
    "llm.cost": ("operation.cost", "gen_ai.usage.cost", "llm.cost.total"),
}  # fmt: skip
"""Our name -> what others call the same."""
_OURS = (
    "gen_ai.operation.name", "gen_ai.response.id", "decision.id", "error.type", "bot.id", "strategy.name",
    "run.mode", "service.version", "cause.id", "account.id", "llm.cost_currency", "llm.price_version",
    "llm.prompt_hash", "agent.name", "component", "log.record.uid",
)  # fmt: skip
"""Beside those, what a call may say of itself."""


def is_call(attributes: Mapping[str, Any]) -> bool:
    """Whether a span with these is one call of a model."""
    operation = attributes.get("gen_ai.operation.name")
    if operation is not None:
        return str(operation).lower() in INFERENCE
    kind = attributes.get("openinference.span.kind")
    if kind is not None:
        return str(kind).upper() in ("LLM", "EMBEDDING")
    if str(attributes.get("llm.request.type") or "").lower() in _OLD_KINDS:
        return True
    # Before operations had a name only calls had both.
    has_model = any(key in attributes for key in ("gen_ai.request.model", "gen_ai.response.model"))
    return has_model and ("gen_ai.system" in attributes or "gen_ai.provider.name" in attributes)


def call_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a call says, in our words; without what was asked and answered."""
    given = without_content(attributes)
    found = {key: given[key] for key in _OURS if key in given}
    for name, others in _ALIASES.items():
        value = next((given[key] for key in (name, *others) if given.get(key) is not None), None)
        if value is not None:
            found[name] = value
    found.setdefault("gen_ai.operation.name", "chat")
    reasons = found.get("gen_ai.response.finish_reasons")
    if isinstance(reasons, list):
        found["gen_ai.response.finish_reasons"] = ",".join(map(str, reasons))
    if "llm.cost" in found:
        found.setdefault("llm.cost_currency", "USD")
    return found


def identity_of(attributes: Mapping[str, Any], trace_id: str, span_id: str) -> str:
    """Return what names one call: two libraries may each make a span of it, and an event beside.

    Args:
        attributes: As `call_of` gave them.
        trace_id: Of the span.
        span_id: Of the span.
    """
    answer = attributes.get("gen_ai.response.id")
    if not answer:
        return f"{LLM_CALL} {trace_id} {span_id}"
    # Small servers number their answers anew: only with its trace and size does an id name one call.
    tokens = (attributes.get(f"gen_ai.usage.{way}_tokens") for way in ("input", "output"))
    return f"{LLM_CALL} {trace_id} {answer} {' '.join(map(str, tokens))}"
