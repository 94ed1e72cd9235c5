"""Generated requests for every operation of the OpenAPI: no answer of class 5xx, none its schema denies.

Both with the token and without it. The streams never end and are left to tests of their own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from obs import dashboard
from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.desk import Desk
from obs.api.tokens import Tokens
from obs.config import Settings
from obs.history.queries import History
from obs.keeping.inbox import Inbox
from obs.otlp.receiving import Receiver
from obs.refreshing.pipeline import DashboardDataPipeline
from obs.sidecar import Sidecar
from tests.api import recorded
from tests.api.conftest import CONTROL, TOKEN

# Long: it belongs to the night.
pytestmark = pytest.mark.slow

# A deeper search: OBS_CONTRACT_EXAMPLES=100.
EXAMPLES = int(os.environ.get("OBS_CONTRACT_EXAMPLES", "4"))
STREAMS = "^/api/stream$"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The app over a day of trades and trouble that lies stored."""
    folder = tmp_path_factory.mktemp("contract")
    day = folder / "day.jsonl"
    day.write_text(recorded.lines(recorded.kept()) + TROUBLE)
    settings = Settings.model_validate({"dir": folder / ".obs", "allowed_hosts": ["testserver"]})
    with Sidecar(settings.dir, follow=[day]) as sidecar:
        sidecar.flush()
        board = Board(sidecar.snapshot())
        desk = Desk.over(sidecar.frozen_metrics()())
    inbox = Inbox(folder / "inbox")
    with (
        contextlib.closing(inbox),
        DashboardDataPipeline(
            source=lambda: board.snapshot.money,
            picture=lambda: dashboard.render(board.snapshot),
            directory=settings.dir,
        ) as pipeline,
    ):
        yield application(
            Context(
                settings=settings,
                board=board,
                history=History(settings.dir / "obs.db"),
                pipeline=pipeline,
                receiver=Receiver(inbox),
                inbox=inbox,
                desk=desk,
                tokens=Tokens(control=TOKEN),
            )
        )


TROUBLE = recorded.lines(
    [
        {
            "timestamp": 86_000_000_000_000 + number,
            "severity": "ERROR",
            "logger": "btc-1.orders",
            "body": f"order {number} rejected: insufficient balance",
            "event_name": "order.rejected",
            "attributes": {"order.id": str(number), "symbol": "BTC/USD", "reason": "insufficient balance"},
            "resource": {"service.name": "btc-1"},
        }
        for number in range(5)
    ]
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("headers", [{}, CONTROL], ids=["without a token", "with the token"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_keeps_to_its_schema(
    busy: FastAPI, mode: GenerationMode, headers: dict[str, str]
) -> None:
    contract = schemathesis.openapi.from_asgi("/openapi.json", busy).exclude(path_regex=STREAMS)
    tried, broken = [], []
    for found in contract.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def keeps_to_it(case: Any) -> None:
            case.call_and_validate(headers=headers, timeout=60)

        tried.append(operation.path)
        try:
            keeps_to_it()
        except hypothesis.errors.Unsatisfiable:
            # Without a parameter there is nothing to get wrong.
            assert mode is GenerationMode.NEGATIVE
        except (Exception, BaseExceptionGroup) as error:
            broken.append(f"{operation.label}: {error!r} {getattr(error, 'exceptions', '')}")

    assert broken == []
    assert len(tried) > 15
