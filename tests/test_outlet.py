"""View files are drawn when something changed, not more often than needed, and never end the sidecar."""

from __future__ import annotations

from pathlib import Path

from obs.analysis import Analyzer
from obs.keeping.outlet import AT_REST_SECONDS, MOST_SECONDS, Outlet
from obs.rules import RuleSet
from obs.snapshot import Health, Snapshot


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def picture(health: Health = Health.OK, at: int = 1_763_632_800_000_000_000) -> Snapshot:
    taken = Analyzer(RuleSet(())).snapshot(now=at)
    return Snapshot(**{**{f: getattr(taken, f) for f in taken.__struct_fields__}, "health": health})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_after_a_change_the_files_are_drawn_within_a_second_and_not_at_once_again(tmp_path: Path) -> None:
    clock = FakeClock()
    outlet = Outlet(tmp_path, timer=clock)

    first = outlet.is_due(changed=True)
    outlet.draw(picture)
    at_once = outlet.is_due(changed=True)
    clock.now += MOST_SECONDS

    assert (first, at_once, outlet.is_due(changed=True)) == (True, False, True)


def test_slow_drawing_still_keeps_within_its_second(tmp_path: Path) -> None:
    clock = FakeClock()
    outlet = Outlet(tmp_path, timer=clock)

    def slow() -> Snapshot:
        clock.now += 2.0
        return picture()

    outlet.draw(slow)
    clock.now += MOST_SECONDS

    assert outlet.is_due(changed=True)


def test_at_rest_the_files_are_drawn_now_and_then(tmp_path: Path) -> None:
    clock = FakeClock()
    outlet = Outlet(tmp_path, timer=clock)
    outlet.draw(picture)

    clock.now += AT_REST_SECONDS - 1
    early = outlet.is_due(changed=False)
    clock.now += 1

    assert (early, outlet.is_due(changed=False)) == (False, True)


def test_a_dated_page_is_kept_when_the_health_has_changed_and_not_otherwise(tmp_path: Path) -> None:
    clock = FakeClock()
    outlet = Outlet(tmp_path, timer=clock)

    for second, health in ((0, Health.OK), (20, Health.OK), (40, Health.CRITICAL), (41, Health.OK)):
        clock.now = 1_000.0 + second
        outlet.draw(lambda second=second, health=health: picture(health, second * 10**9))  # type: ignore[misc]

    assert names(tmp_path / "briefings") == [
        "19700101T000000.000Z-ok.md",
        "19700101T000040.000Z-critical.md",
        "latest.md",
    ]
    assert names(tmp_path / "dashboards")[-1] == "latest.json"


def test_another_process_that_looks_and_sees_the_same_leaves_no_further_copy(tmp_path: Path) -> None:
    Outlet(tmp_path, timer=FakeClock()).draw(lambda: picture(Health.ERROR))
    before = names(tmp_path / "briefings")

    Outlet(tmp_path, timer=FakeClock()).draw(lambda: picture(Health.ERROR, at=1_763_632_900_000_000_000))

    assert names(tmp_path / "briefings") == before
    assert any("error" in name for name in before)


def test_a_view_that_cannot_be_made_is_said_and_tried_again(tmp_path: Path) -> None:
    clock = FakeClock()
    outlet = Outlet(tmp_path, timer=clock)

    def broken() -> Snapshot:
        raise KeyError("template")

    drawn = outlet.draw(broken)
    fault = outlet.fault
    clock.now += MOST_SECONDS

    assert (drawn, fault) == (False, "KeyError: 'template'")
    assert outlet.draw(picture)
    assert outlet.fault == ""


def test_a_broken_template_costs_the_page_and_not_the_dashboard(tmp_path: Path) -> None:
    outlet = Outlet(tmp_path, lang="xx")

    drawn = outlet.draw(picture)

    assert not drawn
    assert "lang = 'xx' is unknown" in outlet.fault
    assert (tmp_path / "dashboards" / "latest.json").exists()
    assert not (tmp_path / "briefings").exists()


def test_a_folder_that_cannot_be_written_costs_the_files_only(tmp_path: Path) -> None:
    """Fault 28."""
    (tmp_path / "briefings").write_text("in the way")
    outlet = Outlet(tmp_path)

    assert not outlet.draw(picture)
    assert "briefings" in outlet.fault
