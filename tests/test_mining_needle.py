"""One error among lines of which no two are alike: it is on the page, in budget, in bounded memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

BUDGET = 400
FLAT_MIB = 16
"""Memory may grow by that between half of the log and its end; the lines themselves are far more."""

PROGRAM = r"""
import random, sys, psutil
from obs import briefing
from obs.analysis import Analyzer
from obs.logs import formats

count, seed, level = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dice = random.Random(seed)
place = dice.randrange(count)
letters = "abcdefghijklmnopqrstuvwxyz"
me = psutil.Process()
sizes = []

def lines():
    for number in range(count):
        moment = f"2026-11-20 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02},000"
        if number == place:
            yield f"{moment} - bot.keeper - ERROR - keeper lost its lease on shard 7 to nobody"
            continue
        kind = number % 5
        words = " ".join("".join(dice.choices(letters, k=6)) for _ in range(8))
        if kind == 0:
            text = words
        elif kind == 1:
            text = f"{words.split()[0]} said {dice.getrandbits(64):x} [{words}] ({dice.random()})"
        elif kind == 2:
            text = "[(" * dice.randrange(40) + words
        elif kind == 3:
            text = f"user {words.split()[0]} on {words.split()[1]} wants {dice.getrandbits(40)}"
        else:
            text = "'\"`{}<>| " * dice.randrange(12) + words[::-1]
        yield f"{moment} - bot.{words[:3]} - {level} - {text}"
        if number % (count // 10) == 0:
            sizes.append(me.memory_info().rss >> 20)

analyzer = Analyzer()
for event in formats.parse(lines(), letter="a"):
    analyzer.feed(event)
snapshot = analyzer.snapshot()
page = briefing.render(snapshot, budget=int(sys.argv[4]))
print("NEEDLE" if "keeper lost its lease on shard 7 to nobody" in page else page)
print(briefing.tokens(page), sizes[len(sizes) // 2], sizes[-1], len(snapshot.templates))
"""


def read(count: int, seed: int, level: str) -> tuple[str, int, int, int]:
    """Return the answer of a process that reads such a log: page, tokens, memory half-way and at the end."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(count), str(seed), level, str(BUDGET)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    page, _, figures = told.strip().rpartition("\n")
    tokens, middle, end, _ = map(int, figures.split())
    print(f"{count:,} lines at {level}: {tokens} tokens, {middle} MiB half-way, {end} MiB at the end")
    return page, tokens, middle, end


@pytest.mark.slow
def test_one_error_among_a_hundred_thousand_hostile_lines_is_on_the_page() -> None:
    page, tokens, middle, end = read(100_000, 1, "INFO")

    assert page == "NEEDLE"
    assert tokens <= BUDGET
    assert end - middle <= FLAT_MIB


def test_one_error_among_as_many_warnings_that_no_rule_knows_is_on_the_page() -> None:
    page, tokens, middle, end = read(30_000, 2, "WARNING")

    assert page == "NEEDLE"
    assert tokens <= BUDGET
    assert end - middle <= FLAT_MIB


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_one_error_in_a_million_hostile_lines_is_on_the_page(level: str) -> None:
    page, tokens, middle, end = read(1_000_000, 3, level)

    assert page == "NEEDLE"
    assert tokens <= BUDGET
    assert end - middle <= FLAT_MIB
