"""A disk that hangs holds back what comes in, and nobody who looks."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx2
import pytest

from obs.keeping import syncing
from tests.otlp.requests import log, logs_request
from tests.otlp.stage import staged


def test_pages_are_answered_while_senders_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, free = threading.Event(), threading.Event()
    answers: list[int] = []
    real = syncing.sync_file

    def hung(descriptor: int) -> None:
        hangs.set()
        free.wait(60)
        real(descriptor)

    monkeypatch.setattr("obs.keeping.inbox.sync_file", hung)
    with staged(tmp_path) as stage:
        senders = [
            threading.Thread(
                target=lambda number=number: answers.append(
                    stage.post("logs", logs_request([log(number)])).status_code
                )
            )
            for number in range(4)
        ]
        for sender in senders:
            sender.start()
        assert hangs.wait(60)

        seen = httpx2.get(f"http://127.0.0.1:{stage.port}/metrics", timeout=30).status_code
        while_it_hung = list(answers)
        free.set()
        for sender in senders:
            sender.join(60)

    assert (seen, while_it_hung) == (200, [])
    assert answers == [200] * 4
