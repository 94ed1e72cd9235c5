"""Every sentence of every rule and anomaly is in the Korean book: only names of things stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from obs import rules
from obs.page.phrasebook import say
from obs.rules.pack import Rule, fill
from obs.watch import anomalies
from tests.test_spending import HOUR, call, spent
from tests.web.days import busy

NAMES = frozenset(
    [
        *("abort", "assert", "busy", "chat", "chrony", "compose", "dmesg", "docker", "encoding", "failed"),
        *("finally", "freqtrade", "fuser", "getent", "hosts", "joblib", "journalctl", "logs", "lsof", "nil"),
        *("nonce", "null", "python", "replication", "reset", "reverted", "systemctl", "timedatectl"),
        *("timeout", "tzdata", "ulimit", "uvloop", "unlink"),
    ]
)
"""Programs, commands and words of code, which are the same in every language."""
_SLOT = re.compile(r"\{(\w+)\}")
_NOT_PROSE = re.compile(r"`[^`]*`|\"[^\"]*\"|\[\w+\]|https?://\S+")
_WORD = re.compile(r"(?<![\w./_-])[a-z]{3,}(?![\w./_-])")
RULES = {rule.id: rule for rule in rules.load().rules}


def english(text: str) -> set[str]:
    """Return the English words of a Korean sentence that are no names."""
    return set(_WORD.findall(_NOT_PROSE.sub("", text))) - NAMES


def sentences(rule: Rule) -> Iterator[str]:
    yield from filter(None, (rule.title, rule.cause, rule.fix_in, rule.do_not, *rule.actions))


def filled(text: str) -> str:
    return fill(text, {name: "7" if name in ("n", "count") else "X9" for name in _SLOT.findall(text)})


@pytest.mark.parametrize("name", sorted(RULES))
def test_all_that_a_rule_says_is_told_in_korean(name: str) -> None:
    left = {text: english(say(filled(text), "ko")) for text in sentences(RULES[name])}

    assert {text: words for text, words in left.items() if words} == {}


@pytest.mark.parametrize("kind", sorted(anomalies._WORDS))
def test_all_that_an_anomaly_says_is_told_in_korean(kind: str) -> None:
    word = anomalies._WORDS[kind]
    said = [word.title, word.means, word.fix_in, word.do_not, *word.actions]

    assert [text for text in said if english(say(_SLOT.sub("7", text), "ko"))] == []


def test_the_issues_of_a_day_full_of_trouble_are_told_in_korean() -> None:
    story = spent((0.2, "2.00"), (1.2, "5.00"))
    call(story, 1.3, "5", agent="", currency="KRW")
    issues = (*busy().picture().issues, *story.picture(1.5 * HOUR).issues)

    left = {
        text: english(say(text, "ko")) - {"news", "grid", "maps", "llm", "swing"}
        for issue in issues
        for text in (
            issue.title,
            issue.explanation,
            issue.fix_in,
            issue.do_not,
            *issue.actions,
            issue.grouped_by,
        )
    }
    assert {text: words for text, words in left.items() if words} == {}
