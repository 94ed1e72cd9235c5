"""Bounds: sizes packed and unpacked, memory, room on disk, who may send; and the word for each refusal."""

from __future__ import annotations

import gzip
import threading
import zlib
from pathlib import Path

import httpx2
import orjson
import pytest

from obs.keeping.inbox import Inbox
from obs.otlp.receiving import MOST_HELD, Receiver
from tests.otlp.requests import json_log, json_logs, log, logs_request
from tests.otlp.stage import staged

BODY = logs_request([log(1)])


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", bare(BODY)),
        ("identity", BODY),
        ("gzip", gzip.compress(BODY[:10]) + gzip.compress(BODY[10:])),
    ],
    ids=["gzip", "capitals", "deflate", "bare deflate", "identity", "two members"],
)
def test_bodies_may_be_packed(tmp_path: Path, encoding: str, body: bytes) -> None:
    with staged(tmp_path) as stage:
        answer = stage.post("logs", body, **{"Content-Encoding": encoding})
        events = stage.events()

    assert (answer.status_code, len(events)) == (200, 1)


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(b"\0" * (20 << 20)), 413),
        ("deflate", zlib.compress(b"\0" * (20 << 20)), 413),
        ("", b"\0" * (17 << 20), 413),
        ("gzip", gzip.compress(BODY)[:-9], 400),
        ("gzip", BODY, 400),
        ("br", BODY, 415),
    ],
    ids=["gzip bomb", "deflate bomb", "large", "cut short", "not packed", "unknown"],
)
def test_bombs_and_what_is_not_what_it_says_are_refused(
    tmp_path: Path, encoding: str, body: bytes, status: int
) -> None:
    with staged(tmp_path) as stage:
        answer = stage.post("logs", body, **{"Content-Encoding": encoding})

        assert answer.status_code == status
        assert stage.events() == []


def test_refusals_are_written_in_the_encoding_of_the_request(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        protobuf = stage.post("logs", b"\xff\xff")
        json = stage.post("logs", b"{", "application/json")
        neither = stage.post("logs", BODY, "text/plain")

    assert protobuf.headers["content-type"] == "application/x-protobuf"
    assert protobuf.content[:2] == b"\x08\x03"
    assert orjson.loads(json.content) == {"code": 3, "message": "the body is no JSON"}
    assert neither.status_code == 415


def test_a_full_inbox_asks_to_come_again_and_takes_it_then(tmp_path: Path) -> None:
    with staged(tmp_path, most_bytes=20_000) as stage:
        many = logs_request(log(number) for number in range(500))
        full = stage.post("logs", many)
        fits = stage.post("logs", BODY)

        assert full.status_code == 503
        assert full.headers["retry-after"] == "5"
        assert fits.status_code == 200
        assert len(stage.events()) == 1


def test_bodies_held_at_one_time_have_a_bound(tmp_path: Path) -> None:
    receiver = Receiver(Inbox(tmp_path))

    with (
        receiver.holding(MOST_HELD - 10) as first,
        receiver.holding(100) as second,
        receiver.holding(10) as third,
    ):
        pass
    with receiver.holding(100) as after:
        pass

    assert (first, second, third, after) == (True, False, True, True)


def test_a_page_may_not_send_and_elsewhere_needs_the_token(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        page = stage.post("logs", BODY, Origin="https://evil.test")
        own = stage.post("logs", BODY, Origin=f"http://127.0.0.1:{stage.port}")
        relayed = stage.post("logs", BODY, **{"X-Forwarded-For": "203.0.113.9"})
        renamed = stage.post("logs", BODY, Host="evil.test")

        assert (page.status_code, own.status_code) == (403, 401)
        assert (relayed.status_code, renamed.status_code) == (401, 403)
        assert stage.events() == []


def test_other_routes_stay_as_narrow_as_they_were(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        url = f"http://127.0.0.1:{stage.port}/api/export/snapshot"
        large = httpx2.post(url, content=b" " * (1 << 20), headers={"Content-Type": "application/json"})
        bare_post = httpx2.post(url, content=b"{}", headers={"Content-Type": "application/json"})

    assert (large.status_code, bare_post.status_code) == (401, 401)


def test_many_at_once_lose_nothing_and_count_everything_once(tmp_path: Path) -> None:
    bodies = [json_logs([json_log(100 * batch + number) for number in range(100)]) for batch in range(20)]
    with staged(tmp_path) as stage:
        statuses: list[int] = []

        def send() -> None:
            for body in bodies:
                answer = stage.post("logs", body, "application/json")
                statuses.append(answer.status_code)

        senders = [threading.Thread(target=send) for _ in range(4)]
        for one in senders:
            one.start()
        for one in senders:
            one.join()
        events = stage.events()

    assert set(statuses) == {200}
    assert len({event.body for event in events}) == len(events) == 2_000
