"""Slips in the words a bot speaks: close to a known one, so its author believes that it is understood."""

from __future__ import annotations

from collections.abc import Iterator

from obs.hazards.making import issue, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity
from obs.vocabulary import meant_attribute, meant_event
from obs.watch.beats import Beats, Odd

__all__ = ["slips"]

MONEY = ("order.", "position.", "trade.", "equity.", "balance.")
"""Events whose slips make money figures wrong."""


def slips(beats: Beats) -> Iterator[Issue]:
    """Yield one issue for each name that is taken in silence and was meant to be a known one."""
    for key, odd in sorted(beats.odd.items()):
        event, _, attribute = key.partition(" ")
        meant = meant_attribute(event, attribute) if attribute else tuple(filter(None, [meant_event(event)]))
        if meant:
            yield _slip(event, attribute, meant, odd)


def _slip(event: str, attribute: str, meant: tuple[str, ...], odd: Odd) -> Issue:
    known = " or ".join(f"`{name}`" for name in meant)
    said, where = plain(attribute or event), plain(event)
    costly = any(name.startswith(MONEY) for name in (event, *meant))
    what = f"Event {where} carries `{said}`" if attribute else f"Event `{said}` is not known"
    return issue(
        ("slip", event, attribute),
        Category.CONFIG,
        IssueSeverity.WARNING if costly else IssueSeverity.INFO,
        f"{what}; known: {known}",
        min(odd.services, default=""),
        services=tuple(sorted(name for name in odd.services if name)),
        first=odd.seen.first,
        last=odd.seen.last,
        count=odd.seen.count,
        explanation=f"The word is close to a known one and is not understood: what it says is missing from "
        f"{'money, positions and risk' if costly else 'this page'}.",
        fix_in=f"code: where {where} is logged",
        actions=(
            f"[code] Say {known} instead of `{said}`, or rename it when something else is meant.",
            "[read] docs/events.md has every event with its attributes.",
        ),
        minutes=5,
        evidence=[shown(odd.last)] if odd.last.quote else [],
        grouped_by=f"the name `{said}`" + (f" of event {where}" if attribute else ""),
    )
