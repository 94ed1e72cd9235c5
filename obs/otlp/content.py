"""What people and models wrote to one another: it is left at the door, a prompt is no attribute of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["is_conversation", "without_content"]

_NAMES = frozenset({
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions",
    "gen_ai.tool.definitions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.prompt",
    "gen_ai.completion", "gen_ai.request.instructions", "gen_ai.content", "input.value", "output.value",
    "llm.prompts", "llm.completions", "llm.invocation_parameters", "traceloop.entity.input",
    "traceloop.entity.output", "pydantic_ai.all_messages",
    "pydantic_ai.new_message_index", "all_messages_events", "model_request_parameters", "final_result",
    "tool_arguments", "tool_response", "events", "logfire.json_schema",
})  # fmt: skip
_BEGINS = (
    "gen_ai.prompt.", "gen_ai.completion.", "gen_ai.content.", "llm.input_messages.", "llm.output_messages.",
    "llm.prompts.", "llm.completions.", "llm.tools.", "ai.prompt", "ai.response.text", "ai.response.object",
    "ai.response.toolCalls", "ai.toolCall.",
)  # fmt: skip
_MESSAGES = frozenset({
    "gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message",
    "gen_ai.choice", "gen_ai.content.prompt", "gen_ai.content.completion",
})  # fmt: skip


def without_content(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes without those that hold prompts, answers or what tools were given and gave."""
    return {
        key: value for key, value in attributes.items() if key not in _NAMES and not key.startswith(_BEGINS)
    }


def is_conversation(event_name: str) -> bool:
    """Whether an event of that name holds a message to or from a model in its body."""
    return event_name in _MESSAGES
