"""An agent's own spans become what it cost: pydantic-ai against a stand-in that speaks OpenAI's protocol."""

from __future__ import annotations

from pathlib import Path

from obs.money.entries import llm_call_of
from tests.otlp.programs import python
from tests.otlp.stage import staged

AGENT = r"""
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200,
                 "prompt_tokens_details": {"cached_tokens": 400}}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hold"}}
        answer = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
                             "model": asked["model"], "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

server = HTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
openai = OpenAIProvider(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="x")
agent = Agent(OpenAIChatModel("gpt-5-mini", provider=openai), name="analyst")
for _ in range(3):
    agent.run_sync("a secret plan for BTC")
provider.shutdown()
"""


def test_an_agents_calls_are_priced_and_its_prompts_stay_outside(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        address = f"http://127.0.0.1:{stage.port}"
        python(AGENT, OTEL_SERVICE_NAME="grid-1", OTEL_EXPORTER_OTLP_ENDPOINT=address)
        events = stage.events()

    calls = [call for event in events if (call := llm_call_of(event, "")) is not None]
    assert len(calls) == 3
    for call in calls:
        assert (call.service, call.agent, call.provider, call.model) == (
            "grid-1",
            "analyst",
            "openai",
            "gpt-5-mini",
        )
        assert (call.input_tokens, call.cached_tokens, call.output_tokens) == (1_000, 400, 200)
        assert call.basis == "table"
        assert call.cost == call.reported
    assert "a secret plan" not in str(events)
    assert "hold" not in str(events)
