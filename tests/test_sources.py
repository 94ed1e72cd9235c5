# ruff: noqa: E501  log lines are read by the line
"""Files of every kind are read once or followed; what cannot be read is said in one line."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from obs import sources
from obs.events import Event
from obs.logs.decoding import MAX_BYTES, Decoder
from obs.snapshot import Source
from obs.sources import FileFollower, SourceError

LINE = "2025-11-20 10:00:{:02} - bot - INFO - message {}\n"


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(number % 60, number) for number in range(first, last))


def read_all(path: Path | str) -> tuple[list[str], Source]:
    reader = sources.read(path, letter="a")
    bodies = [event.body for event in reader]
    return bodies, reader.info


def bodies(events: list[Event]) -> list[str]:
    return [event.body for event in events]


# One shot


def test_a_plain_file_is_read_with_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(lines(0, 3) + "Traceback (most recent call last):\n  x\nValueError: y\n")

    found, info = read_all(path)

    assert found == ["message 0", "message 1", "message 2"]
    assert info == Source(
        letter="a",
        name=str(path),
        format="text with times and levels",
        lines=6,
        records=3,
        bytes=path.stat().st_size,
        zone="assumed UTC: the log prints none",
        last_time=1_763_632_802_000_000_000,
    )


def test_a_gzip_file_is_read_also_when_it_has_several_members(tmp_path: Path) -> None:
    path = tmp_path / "bot.log.gz"
    path.write_bytes(gzip.compress(lines(0, 2).encode()) + gzip.compress(lines(2, 4).encode()))

    found, info = read_all(path)

    assert found == [f"message {number}" for number in range(4)]
    assert info.complete


@pytest.mark.parametrize("damage", ["half", "garbage"])
def test_of_a_damaged_gzip_file_what_could_be_unpacked_is_read_and_the_rest_is_said(
    tmp_path: Path, damage: str
) -> None:
    packed = gzip.compress(os.urandom(1) + b"\n" + lines(0, 4000).encode(), 1)
    half = packed[: len(packed) // 2]
    path = tmp_path / "bot.log.gz"
    path.write_bytes(half if damage == "half" else half + b"\xff" * 4000)

    found, info = read_all(path)

    assert 500 < len(found) < 4000
    assert not info.complete
    assert any("gzip" in note for note in info.notes)


def test_an_empty_file_has_no_records_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.touch()

    found, info = read_all(path)

    assert found == []
    assert info.notes == ("the input is empty",)


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(lines(0, 50_000))
    told: list[int] = []

    for _ in sources.read(path, letter="a", progress=told.append):
        pass

    assert len(told) > 1
    assert sum(told) == path.stat().st_size


def test_a_line_cut_in_its_head_is_no_part_of_the_record_before(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(lines(0, 3) + "2025-11-20")

    found, info = read_all(path)

    assert found == ["message 0", "message 1", "message 2", "2025-11-20"]
    assert info.cut_at_end == "2025-11-20"
    assert any("stops in the middle" in note for note in info.notes)


def test_a_last_line_without_its_line_end_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(lines(0, 3).rstrip("\n"))

    found, info = read_all(path)

    assert found[-1] == "message 2"
    assert info.cut_at_end == ""
    assert "the last line has no line end" in info.notes


def test_stdin_is_read_by_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(0, 2).encode())))

    found, info = read_all("-")

    assert (found, info.name) == (["message 0", "message 1"], "stdin")


# Bad input: one line that names the mend


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), r"is a directory: name the files in it, e\.g\. .*\*\.log"),
        (lambda path: path.write_bytes(b"SQLite format 3\x00" + bytes(100)), "an SQLite database"),
        (lambda path: path.write_bytes(os.urandom(5000)), "binary data"),
        (lambda path: path.write_bytes(bytes(5000)), "binary data"),
        (lambda path: path.write_bytes(gzip.compress(b"\x7fELF" + bytes(50))), r"a program \(ELF\)"),
        (lambda path: path.write_bytes(b"PK\x03\x04rest"), "a zip archive"),
    ],
)  # fmt: skip
def test_input_that_is_no_log_is_refused_in_one_line(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "input"
    make(path)  # type: ignore[operator]  # one of the lambdas above

    with pytest.raises(SourceError, match=words) as caught:
        sources.read(path, letter="a")

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root and Windows may read everything"
)
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text("x")
    path.chmod(0)

    with pytest.raises(SourceError, match="may not read it"):
        sources.read(path, letter="a")


def test_globs_name_each_file_once_and_say_when_they_match_nothing(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.log").mkdir()

    found = sources.expand([str(tmp_path / "*.log"), str(tmp_path / "a.log"), str(tmp_path / "missing.log")])

    assert [path.name for path in found] == ["a.log", "b.log", "missing.log"]
    with pytest.raises(SourceError, match="no file matches"):
        sources.expand([str(tmp_path / "*.nothing")])


# Encodings

KOREAN = "2026-05-12 10:00:00 [INFO] 연결 풀 초기화 완료 (minconn=10)\n2026-05-12 10:00:01 [ERROR] 주문 실패: 잔고가 부족합니다\n"
CHINESE = "2026-05-12 10:00:00 [ERROR] 错误信息: 获取市场数据失败\n2026-05-12 10:00:01 [INFO] 交易机器人已经停止，请检查网络连接\n"
RUSSIAN = "2026-05-12 10:00:00 [ERROR] Ошибка подключения к бирже\n2026-05-12 10:00:01 [INFO] Недостаточно средств\n"
JAPANESE = (
    "2026-05-12 10:00:00 [ERROR] 接続エラーが発生しました\n2026-05-12 10:00:01 [INFO] 注文に失敗しました。\n"
)
FRENCH = "2026-05-12 10:00:00 [ERROR] Erreur récupération clés\n2026-05-12 10:00:01 [INFO] clé désactivée\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN, "utf-8"), (KOREAN, "utf-8-sig"), (KOREAN, "utf-16"), (KOREAN, "utf-16-le"), (KOREAN, "utf-16-be"),
        (KOREAN, "cp949"), (CHINESE, "gbk"), (RUSSIAN, "cp1251"), (JAPANESE, "cp932"), (FRENCH, "cp1252"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_text_in_an_old_or_wide_encoding_is_read(
    tmp_path: Path, text: str, encoding: str, line_end: str
) -> None:
    path = tmp_path / "bot.log"
    path.write_bytes(text.replace("\n", line_end).encode(encoding))

    found, info = read_all(path)

    assert found == [line.split("] ", 1)[1] for line in text.splitlines()]
    assert info.unreadable == 0


def test_a_utf_16_file_that_was_saved_as_utf_8_is_read_without_its_nuls(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_bytes(lines(0, 3).encode("utf-16").decode("utf-8", "replace").encode())

    found, info = read_all(path)

    assert found == ["message 0", "message 1", "message 2"]
    assert any("wrong encoding before" in note for note in info.notes)


def test_a_damaged_line_is_shown_with_escapes_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_bytes(
        (lines(0, 2) + "2025-11-20 10:00:02 - bot - INFO - täglich ✅\n").encode()
        + b"2025-11-20 10:00:03 - bot - INFO - caf\xe9 \xff\n"
    )

    found, info = read_all(path)

    assert found[2:] == ["täglich ✅", "caf\\xe9 \\xff"]
    assert info.unreadable == 1


def test_a_hole_of_nuls_in_a_file_is_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_bytes(lines(0, 300).encode() + bytes(5000) + lines(300, 302).encode())

    found, _ = read_all(path)

    assert found == [f"message {number}" for number in range(302)]


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    with path.open("wb") as file:
        for _ in range(3):
            file.write(b"x" * MAX_BYTES)
        file.write(b"\n" + lines(0, 2).encode())

    found, info = read_all(path)

    assert [len(body) < 20_000 for body in found] == [True, True, True]
    assert found[1:] == ["message 0", "message 1"]
    assert any("their rest was skipped" in note for note in info.notes)


def test_what_is_held_of_a_line_without_end_is_bounded() -> None:
    decoder = Decoder()
    held = []

    for _ in range(12):
        assert decoder.lines(b"x" * 2**20) == []
        held.append(decoder.pending)

    assert max(held) <= MAX_BYTES


# Follow


class FakeClock:
    def __init__(self) -> None:
        self.ns = 1_763_632_800_000_000_000

    def __call__(self) -> int:
        self.ns += 10**9
        return self.ns


def follower(path: Path, **keywords: object) -> FileFollower:
    return FileFollower(path, letter="a", clock=FakeClock(), settle_seconds=0.5, **keywords)  # type: ignore[arg-type]


def drained(follow: FileFollower, polls: int = 4) -> list[str]:
    return [event.body for _ in range(polls) for event in follow.poll()]


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_a_file_that_comes_and_grows_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    follow = follower(path)
    assert follow.poll() == []

    append(path, lines(0, 2))
    first = drained(follow)
    append(path, lines(2, 4))
    second = drained(follow)
    follow.close()

    assert (first, second) == (["message 0", "message 1"], ["message 2", "message 3"])


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 1) + "2025-11-20 10:00:01 - bot - ERR")
    follow = follower(path)

    first = drained(follow)
    append(path, "OR - failed\n")
    (event,) = [event for _ in range(4) for event in follow.poll()]
    follow.close()

    assert first == ["message 0"]
    assert (event.body, event.severity.name, event.origin.line if event.origin else 0) == (
        "failed",
        "ERROR",
        2,
    )
    assert event.observed_timestamp > 0


def test_the_lines_of_a_record_are_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, "2025-11-20 10:00:01 - bot - ERROR - failed\nTraceback (most recent call last):\n")
    follow = follower(path)

    waiting = follow.poll()
    append(path, '  File "a.py", line 1, in f\nValueError: x\n')
    events = [event for _ in range(4) for event in follow.poll()]
    follow.close()

    assert waiting == []
    assert [event.exception.type for event in events if event.exception] == ["ValueError"]


def test_rotation_by_renaming_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 2))
    follow = follower(path)
    seen = drained(follow)

    append(path, lines(2, 3))
    path.rename(tmp_path / "bot.log.1")
    append(path, lines(3, 5))
    seen += drained(follow)
    follow.close()

    assert seen == [f"message {number}" for number in range(5)]


@pytest.mark.parametrize("again", [1, 9], ids=["shorter", "longer than before"])
def test_a_file_emptied_by_its_writer_is_read_from_its_begin(tmp_path: Path, again: int) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 5))
    follow = follower(path)
    seen = drained(follow)

    path.write_text(lines(10, 10 + again))
    seen += drained(follow)
    follow.close()

    assert seen == [f"message {number}" for number in [*range(5), *range(10, 10 + again)]]
    assert any("emptied" in note for note in follow.notes)


def test_a_deleted_file_that_is_made_again_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 2))
    follow = follower(path)
    seen = drained(follow)

    path.unlink()
    seen += drained(follow)
    append(path, lines(2, 4))
    seen += drained(follow)
    follow.close()

    assert seen == [f"message {number}" for number in range(4)]


def test_a_poll_reads_no_more_than_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 5000))
    follow = follower(path)

    first = follow.poll(limit=10_000)
    seen = bodies(first)
    while follow.pending_bytes:
        seen += bodies(follow.poll(limit=10_000))
    seen += drained(follow)
    follow.close()

    assert 0 < len(first) < 300
    assert seen == [f"message {number}" for number in range(5000)]


@pytest.mark.parametrize("polls", [1, 4], ids=["with a record waiting", "settled"])
def test_a_new_follower_goes_on_where_the_checkpoint_says(tmp_path: Path, polls: int) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 6))
    first = follower(path)
    seen = drained(first, polls)
    checkpoint = json.loads(json.dumps(first.checkpoint))
    first.close()
    append(path, "Traceback (most recent call last):\n" if polls == 1 else "")
    append(path, lines(6, 8))

    second = follower(path, checkpoint=checkpoint)
    events = [event for _ in range(4) for event in second.poll()]
    second.close()

    assert seen + bodies(events) == [f"message {number}" for number in range(8)]
    assert [event.origin.line for event in events if event.origin][-1] == (9 if polls == 1 else 8)


def test_a_new_follower_finds_the_file_that_was_rotated_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 4))
    first = follower(path)
    seen = drained(first)
    checkpoint = first.checkpoint
    first.close()
    append(path, lines(4, 6))
    path.rename(tmp_path / "bot.log.1")
    append(path, lines(6, 8))

    second = follower(path, checkpoint=checkpoint)
    seen += drained(second)
    second.close()

    assert seen == [f"message {number}" for number in range(8)]


def test_a_new_follower_says_when_the_old_file_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 4))
    first = follower(path)
    drained(first)
    checkpoint = first.checkpoint
    first.close()
    path.unlink()
    append(path, lines(10, 12))

    second = follower(path, checkpoint=checkpoint)
    seen = drained(second)
    second.close()

    assert seen == ["message 10", "message 11"]
    assert any("replaced" in note for note in second.notes)


@pytest.mark.parametrize(
    "checkpoint", [{}, {"offset": "x"}, {"offset": 10**9, "head": 5}, {"offset": 5, "line": None}]
)
def test_a_strange_checkpoint_is_not_believed(tmp_path: Path, checkpoint: dict[str, object]) -> None:
    path = tmp_path / "bot.log"
    append(path, lines(0, 2))

    follow = follower(path, checkpoint=checkpoint)
    seen = drained(follow)
    follow.close()

    assert seen == ["message 0", "message 1"]


# The collected logs


@pytest.mark.corpus
def test_every_collected_log_is_read_to_its_end_and_every_line_is_accounted_for(corpus: Path) -> None:
    runs = {
        Path(row["file"]).name: row
        for row in map(json.loads, (corpus / "bots" / "runs.jsonl").read_text().splitlines())
    }

    for path in sorted((corpus / "bots").glob("*.gz")):
        reader = sources.read(path, letter="a")
        owned, records = 0, 0
        for event in reader:
            assert event.origin is not None
            owned += event.origin.lines
            records += 1
        info = reader.info

        assert records == info.records > 0
        assert abs(info.lines - runs[path.name]["lines"]) <= 1
        assert info.lines - owned == reader._parser.blank < 0.2 * info.lines + 30
        assert info.complete


@pytest.mark.corpus
def test_levels_of_freqtrades_logs_are_those_a_simple_pattern_counts(corpus: Path) -> None:
    simple = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - \S+ - ([A-Z]+) - ", re.MULTILINE)

    for path in sorted((corpus / "bots").glob("freqtrade_*.gz")):
        counted = Counter(level.decode() for level in simple.findall(gzip.decompress(path.read_bytes())))
        read = Counter(event.severity_text for event in sources.read(path, letter="a") if event.severity_text)

        assert read == counted, path.name
