"""Why it did not trade: how many signals came through each gate, and what stopped the others.

The chain is drawn only where it is one: a bot that sends orders without signals is counted, not explained.
"""

from __future__ import annotations

from decimal import Decimal

from obs.books.facts import decimal
from obs.page.telling import is_bad
from obs.quoting import plain
from obs.snapshot import Issue, Snapshot
from obs.standing import Gate, Passage
from obs.web.model import Funnel, FunnelStage, Rich, Span
from obs.web.numbers import ratio
from obs.web.reader import Reader
from obs.web.rows import is_open

__all__ = ["funnels"]

REPORT = 'obs.event("signal.generated", …)'
_FEEDS = ("stale-feed", "silent-stage", "unresponsive", "ended", "crash-loop", "outage")
"""Issues that explain why there is no signal."""


def funnels(snapshot: Snapshot, reader: Reader) -> tuple[Funnel, ...]:
    """Return the funnel of all bots, then of each."""
    told = {passage.service: passage for passage in snapshot.passages}
    whole = _funnel("", told.get("", Passage()), snapshot, reader)
    names = [name for name in snapshot.bots if name in told or _worked(name, snapshot)]
    if len(snapshot.bots) < 2:
        return (whole,)
    return (whole, *(_funnel(name, told.get(name, Passage()), snapshot, reader) for name in names))


def _worked(name: str, snapshot: Snapshot) -> bool:
    """Whether a bot is known to look for signals."""
    stages = {pulse.stage for bot in snapshot.standings if bot.name == name for pulse in bot.pulses}
    return bool(stages & {"candles", "ticks", "signals"})


def _funnel(bot: str, passage: Passage, snapshot: Snapshot, reader: Reader) -> Funnel:
    if not (passage.signals or passage.orders or passage.fills or passage.gates):
        return Funnel(bot=plain(bot), sentence=_nothing(bot, snapshot, reader), is_empty=True)
    gated = sum(gate.stopped for gate in passage.gates)
    is_chain = passage.signals >= max(passage.orders, passage.fills, 1) and passage.signals >= gated
    stages = _chain(passage, reader) if is_chain else _counts(passage, reader)
    return Funnel(bot=plain(bot), sentence=_sentence(passage, reader, is_chain=is_chain), stages=stages)


def _chain(passage: Passage, reader: Reader) -> tuple[FunnelStage, ...]:
    """Each gate with what it left, in order; the rest of those who were stopped is told where it is known."""
    left = passage.signals
    stages = [FunnelStage(label=reader.say("funnel.signals"), left=left)]
    filters = [gate for gate in passage.gates if gate.kind == "filter"]
    for gate in filters:
        left -= gate.stopped
        stages.append(
            FunnelStage(label=_label(gate, reader), left=left, stopped=gate.stopped, why=_why(gate, reader))
        )
    if passage.decisions and passage.decisions <= left:
        left = passage.decisions
        stages.append(FunnelStage(label=reader.say("funnel.decisions"), left=left))
    for kind in ("risk", "exchange"):
        gates = [gate for gate in passage.gates if gate.kind == kind]
        if gates:
            stopped = min(sum(gate.stopped for gate in gates), left)
            left -= stopped
            why = ", ".join(_why(gate, reader) for gate in gates[:2])
            stages.append(
                FunnelStage(label=reader.say(f"funnel.{kind}"), left=left, stopped=stopped, why=why)
            )
    fills = min(passage.fills, left)
    waits = max(min(passage.orders, left) - fills, 0)
    stages.append(
        FunnelStage(
            label=reader.say("funnel.fills"),
            left=fills,
            stopped=waits,
            why=reader.say("funnel.open", n=waits) if waits else "",
        )
    )
    return tuple(stages)


def _counts(passage: Passage, reader: Reader) -> tuple[FunnelStage, ...]:
    """What was counted, side by side."""
    counted = (("signals", passage.signals), ("orders", passage.orders), ("fills", passage.fills))
    stages = [FunnelStage(label=reader.say(f"funnel.{name}"), left=count) for name, count in counted if count]
    stages += [
        FunnelStage(label=_label(gate, reader), left=0, stopped=gate.stopped, why=_why(gate, reader))
        for gate in passage.gates
    ]
    return tuple(stages)


def _label(gate: Gate, reader: Reader) -> str:
    if gate.kind != "filter":
        return reader.say(f"funnel.{gate.kind}")
    name = gate.name.replace("_", " ")
    return reader.say.get(f"funnel.{gate.name}", name[:1].upper() + name[1:])


def _why(gate: Gate, reader: Reader) -> str:
    """How many, and by which threshold; the newest that was stopped tells on which side of it they lie."""
    if gate.kind == "exchange":
        return reader.say(f"funnel.{gate.name}", n=gate.stopped)
    side = _side(gate)
    if side:
        return reader.say(f"funnel.{side}", n=gate.stopped, limit=gate.threshold)
    if gate.value and decimal(gate.value) is None:
        return reader.say("funnel.in", n=gate.stopped, value=gate.value)
    return reader.say("funnel.by", n=gate.stopped, name=gate.name)


def _side(gate: Gate) -> str:
    value, limit = decimal(gate.value), decimal(gate.threshold)
    if limit is None:
        return ""
    if value is None or value == limit:
        return "at"
    return "below" if value < limit else "above"


def _sentence(passage: Passage, reader: Reader, *, is_chain: bool) -> Rich:
    if not is_chain:
        refused = sum(gate.stopped for gate in passage.gates if gate.kind == "exchange")
        counted = (("signals", passage.signals), ("orders", passage.orders), ("fills", passage.fills))
        told = [
            reader.say(f"funnel.n_{name}", n=count)
            for name, count in (*counted, ("refused", refused))
            if count
        ]
        return reader.say.rich("funnel.counted", list=", ".join(told))
    trades = min(passage.fills, passage.signals)
    text = reader.say.rich("funnel.became", n=passage.signals, m=trades)
    worst = max(passage.gates, key=lambda gate: gate.stopped, default=None)
    if worst is None or not worst.stopped:
        return text
    name = _label(worst, reader) if worst.kind == "filter" else reader.say(f"funnel.at_{worst.kind}")
    name = name[:1].lower() + name[1:] if reader.lang == "en" else name
    side = _side(worst) if worst.kind == "filter" else ""
    gate = reader.say(f"funnel.{side}_limit", name=name, limit=worst.threshold) if side else name
    share = _share(Decimal(worst.stopped) / passage.signals, reader)
    return text + reader.say.rich("funnel.most", share=share, gate=gate)


def _share(share: Decimal, reader: Reader) -> str:
    if share >= Decimal("0.995"):
        return reader.say("funnel.all")
    if abs(share - Decimal(2) / 3) < Decimal("0.04"):
        return reader.say("funnel.two_thirds")
    if abs(share - Decimal("0.5")) < Decimal("0.04"):
        return reader.say("funnel.half")
    return reader.say("funnel.share", share=ratio(share))


def _nothing(bot: str, snapshot: Snapshot, reader: Reader) -> Rich:
    """That there was no signal, and what explains it; or that no bot would say so."""
    stages = {pulse.stage for one in snapshot.standings for pulse in one.pulses if not bot or one.name == bot}
    if "signals" not in stages:
        return reader.say.rich("funnel.untold" if bot else "funnel.all_untold", bot=plain(bot), line=REPORT)
    key = "funnel.no_signal" if bot else "funnel.none_at_all"
    text = reader.say.rich(key, bot=plain(bot))
    cause = _cause(bot, snapshot)
    if cause is not None:
        text += reader.say.rich("funnel.because", title=reader.prose(cause.title))
        return (*text, Span(reader.say("funnel.open_issue", id=cause.id), link=cause.id))
    return text


def _cause(bot: str, snapshot: Snapshot) -> Issue | None:
    return next(
        (
            issue
            for issue in snapshot.issues
            if issue.rule in _FEEDS
            and is_open(issue)
            and is_bad(issue)
            and (not bot or bot in issue.services)
        ),
        None,
    )
