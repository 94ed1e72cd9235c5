"""/metrics answers in the format that is asked for, and says which."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.metrics.families import read

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.8"


@pytest.mark.parametrize(
    ("accept", "kind", "begins"),
    [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", b"# HELP obs_build_info"),
        (
            f"{OPENMETRICS},text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0",
            b"# HELP obs_build",
        ),
        (
            f"{PROTOBUF},{OPENMETRICS},text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            b"",
        ),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(
    accept: str, kind: str, begins: bytes, client: TestClient
) -> None:
    answered = client.get("/metrics", headers={"accept": accept})

    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith(kind)
    # A cache between us and the reader must not give one reader's format to another.
    assert answered.headers["vary"] == "Accept"
    assert answered.content.startswith(begins)


def test_protobuf_tells_the_same_events_as_text(client: TestClient) -> None:
    families = {one.name: one for one in read(client.get("/metrics", headers={"accept": PROTOBUF}).content)}

    errors = [one for one in families["obs_events_total"].metric if one.label[0].value == "ERROR"]
    assert [one.counter.value for one in errors] == [1.0]
    assert families["obs_fold_lag_seconds"].metric[0].histogram.schema == 3
