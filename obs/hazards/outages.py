"""What an exchange refuses or does not answer, and messages that are lost; each told apart by how calls end.

A refused key, a limit and an outage all look like failed calls. The kind of answer, the routes that go on
working and the other bots tell which it is, and the explanation says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from obs.adapters import PROGRAM
from obs.books import BotFacts, Calls, Register
from obs.hazards.making import issue, listed, shown
from obs.insight.routes import AUTH, DOWN, LIMIT, OK
from obs.insight.tallies import Tallies, parted
from obs.quoting import plain
from obs.series import Series
from obs.snapshot import Category, Evidence, Issue, IssueSeverity

__all__ = ["Answers", "answers_by_exchange", "limited", "lost_notices", "outage", "refused_key"]

OUTAGE_FAILURES = 5
"""So many unanswered calls of one exchange make an outage, fewer are noise."""
REFUSALS = 3
LIMITS = 3
"""So many calls over the limit are more than one unlucky minute."""


class Answers(msgspec.Struct):
    """How the calls of one exchange ended."""

    calls: dict[tuple[str, str], dict[str, Series]] = {}
    """(kind of answer, service) -> route -> when."""

    def of(self, kind: str) -> dict[str, Series]:
        """Return service -> all calls that ended so."""
        found: dict[str, Series] = {}
        for (answer, service), routes in self.calls.items():
            if answer == kind:
                for series in routes.values():
                    found.setdefault(service, Series()).merge(series)
        return found

    def routes(self, kind: str, services: Iterable[str]) -> dict[str, Series]:
        """Return route -> the calls of these services that ended so; calls without a route count not."""
        found: dict[str, Series] = {}
        for service in services:
            for route, series in self.calls.get((kind, service), {}).items():
                if route:
                    found.setdefault(route, Series()).merge(series)
        return found


def answers_by_exchange(routes: Tallies) -> dict[str, Answers]:
    """Return the answers of each exchange."""
    found: dict[str, Answers] = {}
    for name, series in sorted(routes.series.items()):
        exchange, service, kind, route = parted(name)
        found.setdefault(exchange, Answers()).calls.setdefault((kind, service), {})[route] = series
    return found


def outage(exchange: str, answers: Answers, by_bot: Mapping[str, Calls]) -> Iterator[Issue]:
    """Yield an issue when calls of an exchange went unanswered, for however many bots: one incident."""
    down, ok = answers.of(DOWN), answers.of(OK)
    failing = {name: series for name, series in down.items() if name in by_bot}
    failed = sum(series.count for series in failing.values())
    if failed < OUTAGE_FAILURES:
        return
    first, last = _span(failing.values())
    calls = [by_bot[name] for name in sorted(failing)]
    ok_since = sum(1 for one in calls if one.first_ok_after.time > one.last_failure.time)
    good = sum(series.since(last) for name, series in ok.items() if name in failing)
    over = ok_since == len(failing)
    reasons = sorted({reason for one in calls for reason in one.reasons})
    others = sorted(set(by_bot) - set(failing))
    name = plain(exchange)
    spread = ", ".join(plain(name) for name in sorted(failing)[:4])
    spread += f" and {len(failing) - 4} more bots" if len(failing) > 4 else ""
    yield issue(
        ("outage", exchange),
        Category.EXCHANGE,
        IssueSeverity.ERROR,
        f"{name} outage" if over else f"{name} does not answer",
        "exchange",
        services=tuple(sorted(failing)),
        first=first,
        last=last,
        count=failed,
        succeeded=max(good, 1) if over else 0,
        place=name,
        explanation=f"{failed} failed calls ({listed(reasons)}) in {spread}"
        + (f"; {', '.join(map(plain, others))} had none." if others else "."),
        fix_in="outside the bot",
        actions=(
            "[read] Nothing: it is over." if over else f"[wait] Until calls of {name} succeed again.",
            "[read] The exchange's status page, and whether other hosts reach it.",
            "[code] Exits and stops must be retried until the exchange confirms them.",
        ),
        do_not="change the strategy because of the exchange",
        minutes=10,
        evidence=[
            *(shown(one.first_failure) for one in calls if one.first_failure is not None),
            *(shown(one.last_failure) for one in calls),
            *(shown(one.first_ok_after) for one in calls if over),
        ],
        grouped_by=f"unanswered calls to exchange {name}",
    )


def refused_key(exchange: str, answers: Answers, by_bot: Mapping[str, Calls]) -> Iterator[Issue]:
    """Yield an issue for each bot whose key an exchange refuses while its other calls go on."""
    name = plain(exchange)
    for service, refused in sorted(answers.of(AUTH).items()):
        calls = by_bot.get(service)
        if refused.count < REFUSALS or calls is None:
            continue
        private = answers.routes(AUTH, [service])
        works = answers.routes(OK, [service])
        again = sum(works[route].since(refused.last) for route in private if route in works)
        public = {
            route: n for route in works if route not in private and (n := works[route].since(refused.first))
        }
        told = f"All {refused.count} calls" if not again else f"{refused.count} calls"
        routes = f" on {len(private)} private route(s)" if private else ""
        text = f"{told}{routes} were refused as not authorised."
        if public:
            text += (
                f" {sum(public.values())} calls on {len(public)} other route(s) succeeded meanwhile: "
                "the network and the exchange are well, the key is not."
            )
        text += " Expired, revoked, another address than allowed, or rights taken away."
        yield issue(
            ("key-refused", exchange, service),
            Category.EXCHANGE,
            IssueSeverity.CRITICAL,
            f"{name} refuses the key",
            service,
            first=refused.first,
            last=refused.last,
            count=refused.count,
            succeeded=again,
            place=name,
            explanation=text,
            fix_in="a person: the key at the exchange; then config",
            actions=(
                "[read] The key at the exchange: expiry, rights, allowed addresses; did this host's change?",
                "[ask] Operator: watch open positions at the exchange by hand; the bot cannot close them.",
                "[config] Put the new key where the bot reads it.",
                "[restart] Once, with the new key.",
            ),
            do_not="let it retry: many refused calls lead to a ban of the address",
            minutes=15,
            evidence=_failures(calls),
            grouped_by=f"calls of {plain(service)} that {name} refused as not authorised",
        )


def limited(exchange: str, answers: Answers, by_bot: Mapping[str, Calls]) -> Iterator[Issue]:
    """Yield an issue when an exchange turns calls away because there are too many of them."""
    over = {name: series for name, series in answers.of(LIMIT).items() if name in by_bot}
    count = sum(series.count for series in over.values())
    if count < LIMITS:
        return
    name = plain(exchange)
    first, last = _span(over.values())
    banned = any("418" in by_bot[service].reasons for service in over)
    ok = answers.of(OK)
    good = sum(series.since(last) for service, series in ok.items() if service in over)
    yield issue(
        ("rate-limited", exchange),
        Category.EXCHANGE,
        IssueSeverity.CRITICAL if banned else IssueSeverity.WARNING,
        f"{name} has banned this address" if banned else f"{name} turns calls away: too many requests",
        "exchange",
        services=tuple(sorted(over)),
        first=first,
        last=last,
        count=count,
        succeeded=good,
        place=name,
        explanation=f"{count} calls were answered with a limit. "
        + ("Each further call may lengthen the ban." if banned else "Who goes on is banned (418)."),
        fix_in="config: request rate of the bot",
        actions=(
            "[wait] Make no call before the ban ends."
            if banned
            else "[wait] One limit window, normally a minute.",
            "[config] Fewer pairs, slower loop, cached candles, prices by WebSocket.",
            "[read] Other programs on this address or key share the limit.",
        ),
        do_not="retry faster: it turns a limit into a ban and lengthens a ban",
        minutes=15,
        evidence=[item for service in sorted(over) for item in _failures(by_bot[service])],
        grouped_by=f"calls that {name} turned away",
    )


def lost_notices(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue for each channel whose messages fail: the operator may know of nothing else."""
    for channel, calls in sorted(bot.notifications.items()):
        if not calls.failed.count or PROGRAM in calls.last_failure.values:
            continue
        over = calls.first_ok_after.time > calls.last_failure.time
        yield issue(
            ("notifier", name, channel),
            Category.NETWORK,
            IssueSeverity.WARNING,
            f"{plain(channel).capitalize()} messages are lost",
            name,
            first=calls.failed.first,
            last=calls.failed.last,
            count=calls.failed.count,
            succeeded=max(1, calls.ok.since(calls.failed.last)) if over else 0,
            explanation=f"{calls.failed.count} of {calls.failed.count + calls.ok.count} messages failed"
            f" ({listed(sorted(calls.reasons))}): the operator may not know.",
            fix_in="config or outside",
            actions=(
                "[read] The channel's answer in the evidence; is it a limit, a wrong address or an outage?",
                "[config] A second channel for alarms.",
            ),
            minutes=10,
            evidence=_failures(calls),
            grouped_by=f"failed messages of channel {plain(channel)}",
        )


def _failures(calls: Calls) -> list[Evidence]:
    registers: tuple[Register | None, ...] = (calls.first_failure, calls.last_failure)
    return [shown(register) for register in registers if register is not None]


def _span(found: Iterable[Series]) -> tuple[int, int]:
    times = [(series.first, series.last) for series in found]
    return min(first for first, _ in times), max(last for _, last in times)
