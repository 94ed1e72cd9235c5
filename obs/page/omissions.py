"""What a page leaves out, told on it: records, sources, losses, masked secrets, zone, what was silenced."""

from __future__ import annotations

from collections.abc import Mapping

from obs.quoting import plain
from obs.snapshot import IssueStatus, Snapshot, Source

__all__ = ["left_out"]

SOURCE_NOTES = 3
"""Notes of a source that a page shows: what was odd about reading it."""
MANY_SOURCES = 4


def left_out(
    snapshot: Snapshot, quoted: set[str], words: Mapping[str, str], *, terse: bool, calm: bool
) -> tuple[str, ...]:
    """Return the ledger of a page.

    Args:
        snapshot: What was told.
        quoted: Ids of the lines that were quoted.
        words: The words of the page's language.
        terse: In its shortest form, without the sources.
        calm: For a page without trouble.
    """
    counts = {"left": f"{max(snapshot.events - len(quoted), 0):,}", "all": f"{snapshot.events:,}"}
    zones = sorted({source.zone for source in snapshot.sources if source.zone})
    lost = sum(loss.count for loss in snapshot.losses)
    reasons = ", ".join(f"{loss.count:,} {plain(loss.reason)}" for loss in snapshot.losses[:4])
    loss_line = words["lost"].format(n=f"{lost:,}") + (f" ({reasons})" if lost else "") + "."
    archived = sum(1 for i in snapshot.issues if i.status is IssueStatus.ARCHIVED and i.cause is None)
    # What a person silenced is said on every page, or nobody would ever ask for it.
    silenced = (words["archived_n"].format(n=archived),) if archived else ()
    if calm or terse:
        ledger = words["ledger_calm" if calm else "ledger_terse"].format(**counts)
        return (ledger, *silenced, loss_line, *(f"{zone}." for zone in zones[:1]))
    lines = [words["ledger"].format(**counts)]
    if snapshot.quiet_warnings:
        count = f"{snapshot.quiet_warning_events:,}"
        lines.append(words["quiet_warnings"].format(kinds=snapshot.quiet_warnings, n=count))
    lines += [_source(source, words) for source in snapshot.sources[:MANY_SOURCES]]
    if len(snapshot.sources) > MANY_SOURCES:
        lines.append(words["more_sources"].format(n=len(snapshot.sources) - MANY_SOURCES))
    lines += silenced
    if snapshot.doubles:
        lines.append(words["doubles"].format(n=f"{snapshot.doubles:,}"))
    if snapshot.repaired:
        lines.append(words["repaired"].format(n=f"{snapshot.repaired:,}"))
    if snapshot.leaks:
        kinds = ", ".join(f"{plain(kind)} {count}×" for kind, count in sorted(snapshot.leaks.items()))
        lines.append(words["masked"].format(kinds=kinds))
    zone = words["zone"].format(zone="; ".join(zones)) if zones else ""
    lines.append(" ".join(part for part in (loss_line, zone) if part))
    return tuple(lines)


def _source(source: Source, words: Mapping[str, str]) -> str:
    line = words["source"].format(
        letter=source.letter,
        name=plain(source.name.rsplit("/", 1)[-1], 80),
        lines=f"{source.lines:,}",
        records=f"{source.records:,}",
        end=words["to_the_end"] if source.complete else words["incomplete"],
    )
    line += words["unreadable"].format(n=source.unreadable) if source.unreadable else ""
    return " ".join([line, *(f"{note.rstrip('.')}." for note in source.notes[:SOURCE_NOTES])])
