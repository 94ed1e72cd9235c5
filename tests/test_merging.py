"""Issues that a person merges are one, in every view, until they split them; nothing of either is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from obs import deciding, looking
from obs.briefing import render
from obs.insight.lifecycle import Lifecycle
from obs.insight.merging import roots_of
from obs.snapshot import Issue, IssueStatus, Snapshot
from obs.web.issue import view
from tests.builders import SECOND
from tests.scenarios.playing import Story
from tests.spool_lines import Bot
from tests.test_deciding import obs

S = IssueStatus


def two_faults() -> Story:
    story = Story()
    for at in (10, 20, 30):
        story.write(at, "the flux capacitor is warm", logger="bot.flux")
    for at in (15, 600):
        story.write(at, "the warp core is cold", logger="bot.warp", bot="momo-2")
    return story


def named(snapshot: Snapshot, word: str) -> Issue:
    return next(one for one in snapshot.issues if word in one.component)


def into(whole: Issue) -> Mapping[str, Lifecycle]:
    snapshot = two_faults().picture()
    part = named(snapshot, "warp").fingerprint
    return {part: Lifecycle(S.ONGOING, at=1, by="ann", why="same box", into=whole.fingerprint)}


def test_what_is_merged_is_one_issue_that_counts_and_shows_both() -> None:
    story = two_faults()
    flux, warp = (named(story.picture(), word) for word in ("flux", "warp"))

    (one,) = story.picture(lifecycle=into(flux)).issues

    assert (one.fingerprint, one.title, one.count) == (flux.fingerprint, flux.title, 5)
    assert (one.first_seen, one.last_seen) == (flux.first_seen, warp.last_seen)
    assert one.services == ("momo-1", "momo-2")
    assert {line.id for line in one.evidence} == {line.id for line in (*flux.evidence, *warp.evidence)}
    assert [(part.id, part.count) for part in one.merged] == [(warp.id, 2)]
    assert one.merged[0].decided.endswith('by ann: "same box"')
    assert sum(count for _, count in one.minutes) == 5


def test_a_whole_that_is_no_longer_seen_keeps_its_name_and_what_was_decided_about_it() -> None:
    warp = named(two_faults().picture(), "warp")
    lifecycle = {
        warp.fingerprint: Lifecycle(S.ONGOING, at=1, into="f" * 16),
        "f" * 16: Lifecycle(S.ARCHIVED, at=1, why="known"),
    }

    whole = next(one for one in two_faults().picture(lifecycle=lifecycle).issues if one.merged)

    assert (whole.id, whole.count, whole.status) == ("I-ffffff", 2, S.ARCHIVED)


def test_parts_of_parts_belong_to_the_whole_and_a_circle_to_nobody() -> None:
    a, b, c = (Lifecycle(S.ONGOING, at=1, into=name) for name in ("b", "c", ""))

    assert roots_of({"a": a, "b": b, "c": c}) == {"a": "c", "b": "c"}
    assert roots_of({"a": a, "b": Lifecycle(S.ONGOING, at=1, into="a")}) == {}


def test_a_merged_issue_works_again_when_all_of_it_does() -> None:
    story = two_faults()
    flux, warp = (named(story.picture(), word) for word in ("flux", "warp"))

    again = Lifecycle(S.RESOLVED, at=warp.last_seen + SECOND)
    picture = story.picture(lifecycle={**into(flux), flux.fingerprint: again})
    story.write(900, "the warp core is cold", logger="bot.warp", bot="momo-2")
    after = story.picture(lifecycle={**into(flux), flux.fingerprint: again})

    assert [one.status for one in picture.issues] == [S.RESOLVED]
    assert [one.status for one in after.issues] == [S.REGRESSED]


def test_page_and_briefing_tell_of_the_parts_in_both_languages() -> None:
    story = two_faults()
    flux, warp = (named(story.picture(), word) for word in ("flux", "warp"))
    picture = story.picture(lifecycle=into(flux))

    english, korean = (view(picture, flux.id, lang=lang) for lang in ("en", "ko"))

    assert english is not None
    assert korean is not None
    assert [part.id for part in english.merged] == [warp.id]
    assert view(picture, warp.id) == english
    assert flux.id in render(picture)
    assert warp.id not in render(picture)
    assert "1 issue merged into it by hand" in str(english.grouped)
    assert "merged" not in str(korean.grouped)


def test_a_merge_holds_over_restarts_takes_new_records_and_is_undone_by_a_split(tmp_path: Path) -> None:
    directory = tmp_path / "obs"
    fail(directory, "flux")
    fail(directory, "warp")
    lines = obs(directory, "issues").stdout.splitlines()
    (whole, part) = (line.split()[0] for line in lines)

    merged = obs(directory, "issues", "merge", whole, part, "--reason", "one box", "--by", "ann")
    assert merged.returncode == 0, merged.stderr
    fail(directory, "warp")
    fail(directory, "flux")
    (line,) = obs(directory, "issues").stdout.splitlines()
    assert (line.split()[0], "8×" in line, "1 merged into it" in line) == (whole, True, True)
    found = obs(directory, "search", "--issue", whole).stdout
    assert ("flux" in found, "warp" in found) == (True, True)
    assert f"obs issues split {part}" in obs(directory, "issues", "show", part).stdout
    again = obs(directory, "issues", "merge", whole, part)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)

    assert obs(directory, "issues", "split", part).returncode == 0
    after = obs(directory, "issues").stdout
    assert sorted(line.split()[0] for line in after.splitlines()) == sorted((whole, part))
    assert after.count(" 4×") == 2
    assert obs(directory, "issues", "split", part).returncode == 2


def fail(directory: Path, what: str) -> None:
    bot = Bot(directory)
    for _ in range(2):
        bot.say(f"the {what} part is broken", "ERROR", logger=f"bot.{what}")
    bot.end()


def test_a_split_of_the_whole_takes_all_of_its_parts_out(tmp_path: Path) -> None:
    directory = tmp_path / "obs"
    for what in ("flux", "warp", "drive"):
        fail(directory, what)
    before = looking.current(directory)
    first, *others = (one.fingerprint for one in before.issues)
    deciding.merge(directory, before, first, others, now=before.taken_at)
    assert len(looking.current(directory).issues) == 1

    # A clock that went back makes no decision older than the one before it.
    lines = deciding.split(directory, looking.current(directory), [first], now=1)

    assert len(lines) == 2
    assert {one.fingerprint for one in looking.current(directory).issues} == {first, *others}
