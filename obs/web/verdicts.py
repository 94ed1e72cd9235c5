"""The verdict: is everything fine; if not, what, how much money stands behind it, what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from obs.insight.ranking import Stake, stake_of
from obs.page.telling import SIMULATED, deciding, is_bad
from obs.quoting import plain
from obs.snapshot import Health, Issue, IssueSeverity, Loss, Snapshot
from obs.web.figures import spending
from obs.web.model import Amount, Mark, Rich, Span, Style, Verdict
from obs.web.numbers import ms
from obs.web.plans import first_step
from obs.web.reader import Reader
from obs.web.rows import causes, is_lasting, mark_of
from obs.web.words import tidy

__all__ = ["SUBJECT", "grave_losses", "title", "verdict"]

SUBJECT = 60
"""Characters of what the verdict is about."""
_ASIDE = re.compile(r" \([^()]*\)")
"""Names in parentheses, which a short sentence can do without."""
_GRAVE = ("WARN", "WARNING", "ERROR", "FATAL", "CRITICAL")


def verdict(snapshot: Snapshot, reader: Reader) -> Verdict:
    """Return the first thing anyone reads."""
    top = deciding(snapshot)
    lost = grave_losses(snapshot)
    if not snapshot.events:
        return _unsure("verdict.no_bot", reader.say.rich("verdict.no_bot_how"), reader)
    if top is not None and is_bad(top):
        return _bad(top, snapshot, lost, reader)
    if lost:
        return _unsure("verdict.lost", _lost(lost, reader), reader)
    if top is not None or snapshot.health is Health.UNKNOWN:
        return Verdict(
            mark=Mark.UNKNOWN,
            word=reader.say("verdict.unknown"),
            subject=subject(reader.prose(top.title if top else snapshot.health_reason)),
            text=_sentences(reader, [reader.prose(top.explanation)] if top else []),
            plan=top.id if top else "",
        )
    return Verdict(mark=Mark.OK, word=reader.say("verdict.ok"), text=_well(snapshot, reader))


def title(shown: Verdict) -> str:
    """Return the verdict in one line, for the tab."""
    return f"{shown.word} {shown.subject}".strip()


def subject(text: str) -> str:
    """Return what the verdict is about, as one short sentence."""
    text = text.rstrip(".")
    if len(text) >= SUBJECT:
        text = _ASIDE.sub("", text)
    if len(text) >= SUBJECT:
        return text[: SUBJECT - 2].rsplit(" ", 1)[0].rstrip(" ,:;(") + "…"
    return f"{text}."


def grave_losses(snapshot: Snapshot) -> list[Loss]:
    """Return losses of warnings or worse: after them the page cannot say that all is well."""
    return [one for one in snapshot.losses if one.severity.upper() in _GRAVE and one.count]


def _bad(top: Issue, snapshot: Snapshot, lost: Sequence[Loss], reader: Reader) -> Verdict:
    mark = mark_of(top)
    text: list[Rich] = [_standing(top, snapshot, reader)]
    if top.until > snapshot.taken_at:
        until = Span(clock=ms(top.until))
        text.append(reader.say.rich("verdict.until", time=until))
    elif step := first_step(top, reader):
        text.append((Span(step if step.endswith("?") else f"{step}."),))
    text += _others(top, snapshot, reader)
    if lost:
        text.append(reader.say.rich("verdict.lost_too", n=sum(one.count for one in lost)))
    return Verdict(
        mark=mark,
        word=reader.say(f"verdict.{mark}"),
        subject=subject(reader.prose(top.title)),
        text=_joined(text),
        plan=top.id,
        amount=_amount(top, reader),
    )


def _standing(top: Issue, snapshot: Snapshot, reader: Reader) -> Rich:
    """Money first, how long, where."""
    bots = ", ".join(plain(name) for name in top.services[:3])
    where = reader.say("verdict.where", bots=bots) if bots else ""
    age = Span(since=ms(top.first_seen))
    lasts = is_lasting(top)
    last = Span(since=ms(top.last_seen))
    often = f"×{top.count:,}"
    rate = spending(snapshot, top.services) if stake_of(top) is Stake.SPENDING else None
    if rate is not None:
        return reader.say.rich("verdict.spending", money=reader.money(rate), age=age, where=where)
    if top.money_at_risk:
        why = _why(top, snapshot, reader)
        if lasts:
            return reader.say.rich(
                "verdict.money_for", money=reader.money(*top.money_at_risk), why=why, age=age, where=where
            )
        return reader.say.rich(
            "verdict.money_since",
            money=reader.money(*top.money_at_risk), why=why, often=often, age=last, where=where,
        )  # fmt: skip
    if lasts:
        return reader.say.rich("verdict.for", age=age, where=where)
    if top.count == 1:
        return reader.say.rich("verdict.once", age=last, where=where)
    return reader.say.rich("verdict.often", often=often, age=last, where=where)


def _why(top: Issue, snapshot: Snapshot, reader: Reader) -> str:
    if snapshot.mode in SIMULATED:
        return reader.say("verdict.simulated")
    stake = stake_of(top)
    if stake is Stake.UNPROTECTED:
        return reader.say("verdict.unprotected")
    return reader.say("verdict.unmanaged" if stake is Stake.UNMANAGED else "verdict.at_risk")


def _amount(top: Issue, reader: Reader) -> Amount | None:
    if not top.money_at_risk:
        return None
    return reader.amount(top.money_at_risk[0].amount, top.money_at_risk[0].currency)


def _others(top: Issue, snapshot: Snapshot, reader: Reader) -> list[Rich]:
    rest = [one for one in causes(snapshot) if is_bad(one) and one is not top]
    today = sum(1 for one in rest if one.severity.rank >= IssueSeverity.ERROR.rank)
    if today:
        return [reader.say.rich("verdict.more_today", n=today)]
    return [reader.say.rich("verdict.more_later", n=len(rest))] if rest else []


def _well(snapshot: Snapshot, reader: Reader) -> Rich:
    """What is known to be well, in the order in which it matters: positions, bots, last order, checks."""
    text: list[Rich] = []
    clauses = [clause for clause in (_positions(snapshot, reader), _bots(snapshot, reader)) if clause]
    if clauses:
        first = clauses[0][:1].upper() + clauses[0][1:] if reader.lang == "en" else clauses[0]
        text.append((Span("; ".join([first, *clauses[1:]]) + ".", Style.STRONG),))
    else:
        text.append(reader.say.rich("verdict.no_issue"))
    orders = [(p.last, bot.name) for bot in snapshot.standings for p in bot.pulses if p.stage == "orders"]
    if orders and max(orders)[0]:
        last, name = max(orders)
        text.append(reader.say.rich("well.order", age=Span(since=ms(last)), bot=plain(name)))
    if snapshot.checks:
        text.append(reader.say.rich("well.checks", n=len(snapshot.checks)))
    if not snapshot.live and snapshot.phase:
        phase = reader.prose(snapshot.phase).rstrip(".")
        text.append((Span(f"{phase[:1].upper()}{phase[1:]}."),))
    return _joined(text)


def _positions(snapshot: Snapshot, reader: Reader) -> str:
    held = snapshot.held
    if not held:
        return reader.say("well.flat") if any(bot.tells_positions for bot in snapshot.standings) else ""
    kinds = {one.protection for one in held}
    if kinds == {"stop"}:
        return reader.say("well.stops")
    inside = sum(one.protection == "bot" for one in held)
    unsure = sum(one.protection == "unknown" for one in held)
    key = "well.in_bot" if inside else "well.unknown"
    return reader.say(key, n=inside or unsure, all=len(held))


def _bots(snapshot: Snapshot, reader: Reader) -> str:
    """How many bots run, and who waits for its market."""
    waits = [bot for bot in snapshot.standings if bot.opens_at > snapshot.taken_at]
    off = {bot.name for bot in snapshot.standings if bot.state in ("stopped", "ended", "died")}
    running = [name for name in snapshot.bots if name not in off and name not in {b.name for b in waits}]
    parts = [reader.say("well.run", n=len(running))] if running and snapshot.live else []
    if waits:
        first = min(waits, key=lambda bot: (bot.opens_at, bot.name))
        who = plain(first.name) if len(waits) == 1 else reader.say("well.bots", n=len(waits))
        time = reader.clock(first.opens_at)
        parts.append(reader.say("well.waits", bot=who, market=reader.market(first.market), time=time))
    return ", ".join(parts)


def _unsure(key: str, text: Rich, reader: Reader) -> Verdict:
    return Verdict(
        mark=Mark.UNKNOWN,
        word=reader.say("verdict.unknown"),
        subject=subject(reader.say(key)),
        text=text,
    )


def _lost(lost: Sequence[Loss], reader: Reader) -> Rich:
    first = min((one.first for one in lost if one.first), default=0)
    last = max((one.last for one in lost), default=0)
    return reader.say.rich(
        "verdict.lost_how",
        n=sum(one.count for one in lost),
        first=Span(clock=ms(first)) if first else "?",
        last=Span(clock=ms(last)) if last else "?",
    )


def _sentences(reader: Reader, texts: Sequence[str]) -> Rich:
    return _joined([(Span(text),) for text in texts if text])


def _joined(parts: Sequence[Rich]) -> Rich:
    out: list[Span] = []
    for part in parts:
        out += [Span(" "), *part] if out and part else part
    return tidy(out)
