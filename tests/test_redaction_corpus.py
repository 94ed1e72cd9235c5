"""Redaction measured on the collections: recall on synthetic secrets, and silence on logs without any."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from obs.redaction import redact

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def security(corpus: Path) -> Path:
    folder = corpus / "security"
    if not (folder / "secrets_dev.jsonl").is_file():
        pytest.skip(f"no secrets_dev.jsonl in {folder}")
    return folder


@pytest.fixture(scope="module")
def score(security: Path) -> dict[str, Any]:
    scorer = _load(security / "scorer.py")
    result: dict[str, Any] = scorer.score_secrets(redact, security / "secrets_dev.jsonl")
    return result


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("secret_scorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _lines(corpus: Path) -> Iterator[str]:
    for path in [*sorted((corpus / "loghub").rglob("*.log")), corpus / "harmless_dev.txt"]:
        yield from path.read_text("utf-8", "replace").splitlines()
    for path in sorted((corpus / "bots").glob("freqtrade_*.gz")):
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            yield from file


def test_no_secret_of_the_corpus_stays_readable(score: dict[str, Any]) -> None:
    """Goal S1."""
    assert score["leaks"] == []
    assert score["recall"] == 1.0


def test_no_lookalike_of_the_corpus_is_changed(score: dict[str, Any]) -> None:
    """Fault 46."""
    assert score["changed_ids"] == []


def test_the_words_around_the_secrets_of_the_corpus_stay(score: dict[str, Any]) -> None:
    assert score["words_outside_kept"] >= 0.99


def test_redacting_the_corpus_twice_changes_nothing(security: Path) -> None:
    for line in (security / "secrets_dev.jsonl").read_text("utf-8").splitlines():
        once = redact(json.loads(line)["text"])

        assert redact(once) == once


def test_public_logs_hold_no_secrets_and_come_back_unchanged(corpus: Path) -> None:
    """Goal S2, on a sample."""
    changed = [(line, masked) for line in _lines(corpus) if (masked := redact(line)) != line]

    assert changed == []
