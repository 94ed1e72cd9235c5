"""What comes back to the sidecar that said it is no news: over a collector, and around a ring of sidecars."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx2

from obs.exporting.echoes import OWNER, VIA, identity_of, passed_by
from tests.exporting.collector import attributes, collecting, until
from tests.exporting.test_collectors import up


def plain_lines(count: int) -> str:
    """Without ids of their own: nothing but the guard can know them again."""
    return "".join(
        json.dumps(
            {
                "timestamp": 1_795_000_000_000_000_000 + number * 1_000_000,
                "severity": "INFO",
                "body": f"line {number}",
                "resource": {"service.name": "grid-1"},
            }
        )
        + "\n"
        for number in range(count)
    )


def test_what_a_collector_brings_back_to_a_served_sidecar_is_neither_counted_nor_sent_again(
    tmp_path: Path,
) -> None:
    log = tmp_path / "bot.jsonl"
    log.write_text(plain_lines(20))

    with collecting() as seen, up(tmp_path / "obs", seen.url, log) as sidecar:
        assert until(lambda: sidecar.books() == (20, 20, 0, 0)), sidecar.books()
        came: tuple[tuple[str, list[Any]], ...] = (("logs", seen.logs), ("metrics", seen.metrics))
        for path, requests in came:
            for request in list(requests):
                answer = httpx2.post(
                    f"{sidecar.url}/v1/{path}",
                    content=request.SerializeToString(),
                    headers={"Content-Type": "application/x-protobuf"},
                )
                assert answer.status_code == 200
        with log.open("a") as more:
            more.write(plain_lines(21).splitlines(keepends=True)[-1])
        # What came back stood before this line, so it was looked at by now.
        assert until(lambda: sidecar.books() == (21, 21, 0, 0)), sidecar.books()

        assert sidecar.metrics()['obs_events_total{severity="INFO"}'] == 21
        assert attributes(seen.logs[0].resource_logs[0].resource.attributes)[OWNER] == identity_of(
            tmp_path / "obs"
        )


def test_two_sidecars_that_send_to_each_other_tell_each_record_once(tmp_path: Path) -> None:
    first_log, second_log = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first_log.write_text(plain_lines(10))
    second_log.touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    with (
        up(tmp_path / "first", f"http://127.0.0.1:{port}", first_log) as first,
        up(tmp_path / "second", first.url, second_log, OBS_PORT=port) as second,
    ):
        # All that the first says has come back to it when the second has sent it all.
        assert until(lambda: second.books() == (10, 10, 0, 0)), second.books()
        with first_log.open("a") as more:
            more.write(plain_lines(11).splitlines(keepends=True)[-1])
        assert until(lambda: second.books() == (11, 11, 0, 0)), second.books()

        assert first.books() == (11, 11, 0, 0)
        for sidecar in (first, second):
            assert sidecar.metrics()['obs_events_total{severity="INFO"}'] == 11


def test_a_record_names_all_that_it_has_passed() -> None:
    assert passed_by({OWNER: "b", VIA: "a,c"}) == ["b", "a", "c"]
    assert passed_by({"service.name": "grid-1"}) == []
    assert len(passed_by({OWNER: "x", VIA: "y," * 1_000})) == 16
