"""The soak in small, at each test run; `make soak N=200` runs the real one."""

from __future__ import annotations

from tests.soak.loop import Soak


def test_a_few_kills_of_sidecar_and_bot_lose_nothing_and_double_nothing() -> None:
    """Faults 16 and 23: 5 + 5 kills with -9 under load.

    Being back in two seconds is judged by the command, on a machine with nothing else to do.
    """
    outcome = Soak(5, "both", rate=1_000, seed=7, back_seconds=20).run()

    assert outcome.violations == [], outcome.summary()
    assert (outcome.sidecar_kills, outcome.bot_kills) == (5, 5)
    assert outcome.owed_warnings > 50
    assert outcome.folded > 1_000
