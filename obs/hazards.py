"""Issues that no line of text shows: what the bot's own event words mean when they are put together.

A position without a stop, an exchange that stopped answering, a feed that fell silent while the bot says
RUNNING, an agent that talks to itself, a secret in the log, a process that died. Pure functions of `State`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from obs.adapters import PROGRAM
from obs.books import BotFacts, Calls, Llm, Register, Thing, decimal
from obs.fingerprints import fingerprint_of
from obs.issues import evidence_of
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Category, Evidence, Issue, IssueSeverity, IssueStatus, Money
from obs.state import State

__all__ = ["find", "mark_price", "open_positions", "protection"]

SECOND_NS = 1_000_000_000
OUTAGE_FAILURES = 5
"""So many failed calls of one exchange make an outage, fewer are noise."""
STALE_CANDLE_S = 300
LOOP_CALLS = 20
"""So many model calls in one conversation without an order are a loop."""

RESTING = ("order.accepted", "order.confirmed")

_ROTATE = (
    "[ask] Create a new key, switch the bot to it, then revoke the old one.",
    "[read] Which files and chats hold the lines; who could read them.",
    "[code] Keep headers, signed URLs and credentials out of error texts.",
)

_MOVE = (
    "[ask] Move the funds to a new wallet now: a seed phrase or private key cannot be revoked.",
    "[read] Which files and chats hold the lines; who could read them.",
    "[code] Keep keys out of log texts.",
)


def find(state: State, now: int) -> list[Issue]:
    """Return the issues that the facts of all bots show at `now` (Unix ns)."""
    found: list[Issue] = []
    exchanges: dict[str, dict[str, Calls]] = {}
    for name, bot in sorted(state.books.bots.items()):
        if bot.mode.values.get("run.mode") == "backtest":
            continue
        found += _unprotected(name, bot)
        found += _agent_loops(name, bot)
        found += _stale_feed(name, bot)
        found += _lost_notices(name, bot)
        found += _rejected_orders(name, bot)
        found += _ended(name, bot)
        for exchange, calls in bot.calls.items():
            if PROGRAM in calls.last_failure.values:
                # Read from a program's text, whose rules know more of the failure than that it failed.
                continue
            exchanges.setdefault(exchange, {})[name] = calls
    for exchange, by_bot in sorted(exchanges.items()):
        found += _outage(exchange, by_bot)
    found += _leaks(state)
    return found


def open_positions(bot: BotFacts) -> list[tuple[str, Thing]]:
    """Return the positions that are open, as far as the bot's words tell."""
    return [
        (key, thing)
        for key, thing in sorted(bot.positions.items())
        if thing.last.name != "position.closed" and decimal(thing.values.get("position.quantity")) != 0
    ]


def mark_price(values: Mapping[str, Any]) -> Decimal | None:
    """Return the price a position was last valued at: as told, or from its average and unrealized P&L."""
    price = decimal(values.get("market.mark") or values.get("price"))
    if price is not None:
        return price
    average = decimal(values.get("position.average_price"))
    quantity = decimal(values.get("position.quantity"))
    if average is None or not quantity:
        return average
    pnl = decimal(values.get("pnl.unrealized"))
    return average if pnl is None else average + pnl / quantity


def protection(bot: BotFacts, key: str, position: Thing) -> tuple[str, int, list[Thing]]:
    """Return whether a position has a stop: `stop`, `none` or `unknown`, since when, and its stop orders."""
    values = position.values
    stops = [
        stop
        for order_id, stop in sorted(bot.stops.items())
        if stop.values.get("position.id") == key
        or (not stop.values.get("position.id") and stop.values.get("symbol") == values.get("symbol"))
    ]
    stops = [stop for stop in stops if stop.last.time >= position.began]
    if not stops:
        return "unknown", 0, []
    if any(stop.last.name in RESTING for stop in stops):
        return "stop", 0, stops
    pulled = [s.last.time for s in stops if s.last.name in ("order.canceled", "order.expired")]
    refused = [s.began for s in stops if s.last.name in ("order.rejected", "order.denied", "order.submitted")]
    since = min((t for t in pulled + refused if t), default=position.began)
    # The gap begins when the last stop that ever rested went away, not when its successor was refused.
    return "none", max(pulled, default=since), stops


def _unprotected(name: str, bot: BotFacts) -> Iterator[Issue]:
    for key, position in open_positions(bot):
        verdict, since, stops = protection(bot, key, position)
        if verdict != "none":
            continue
        values = position.values
        quantity = decimal(values.get("position.quantity")) or Decimal(0)
        price = mark_price(values)
        currency = str(values.get("currency") or "?")
        money = (Money(abs(quantity) * price, currency),) if price is not None else None
        tries = sum(stop.said.get(name, 0) for stop in stops for name in ("order.rejected", "order.denied"))
        pulled = next((s for s in _telling(stops, since) if s.last.name == "order.canceled"), None)
        why = plain(str(pulled.values.get("reason") or "")) if pulled else ""
        gone = f"The stop was canceled ({why}). " if pulled else ""
        tried = f" {tries} tries of a new stop were refused or timed out." if tries else ""
        yield _issue(
            ("unprotected", name, key),
            Category.TRADING,
            IssueSeverity.CRITICAL,
            "Position without stop",
            name,
            first=since,
            last=max(position.last.time, *(stop.last.time for stop in stops)),
            count=1,
            trend="worse",
            explanation=f"{gone}No stop order is known to rest for this position.{tried} "
            "A refused or timed-out order may still have reached the exchange.",
            fix_in="a person decides on the position first, then code",
            actions=(
                f"[read] The exchange: open orders and the position of {plain(name)}.",
                "[ask] Operator: close the position, or place a new stop on the right side of the price.",
                "[code] Place the new stop before canceling the old; retry while the position is open.",
            ),
            do_not="send the same stop again before the first step: two stops can sell twice",
            minutes=15,
            money=money,
            evidence=[
                *(_shown(stop.last) for stop in _telling(stops, since)),
                _shown(position.last),
            ],
            grouped_by=f"the open position {plain(key)} of {plain(name)}",
        )


def _telling(stops: list[Thing], since: int) -> list[Thing]:
    """The stop that went away and the newest that were refused; earlier ones say nothing."""
    late = sorted((s for s in stops if s.last.time >= since), key=lambda stop: stop.last.time)
    return [*late[:1], *late[1:][-3:]]


def _outage(exchange: str, by_bot: Mapping[str, Calls]) -> Iterator[Issue]:
    failing = {name: calls for name, calls in by_bot.items() if calls.failed.count}
    failed = sum(calls.failed.count for calls in failing.values())
    if failed < OUTAGE_FAILURES:
        return
    first = min(calls.failed.first for calls in failing.values())
    last = max(calls.failed.last for calls in failing.values())
    ok_since = sum(1 for calls in failing.values() if calls.first_ok_after.time > calls.last_failure.time)
    good = sum(calls.ok.since(calls.failed.last) for calls in failing.values())
    over = ok_since == len(failing)
    reasons = sorted({reason for calls in failing.values() for reason in calls.reasons})
    others = sorted(set(by_bot) - set(failing))
    spread = f"{len(failing)} bots" if len(failing) > 1 else plain(next(iter(failing)))
    yield _issue(
        ("outage", exchange),
        Category.EXCHANGE,
        IssueSeverity.ERROR,
        f"{plain(exchange)} does not answer" if not over else f"{plain(exchange)} outage",
        "exchange",
        services=tuple(sorted(failing)),
        first=first,
        last=last,
        count=failed,
        succeeded=max(good, 1) if over else 0,
        explanation=f"{failed} failed calls ({_listed(reasons)}) in {spread}"
        + (f"; {', '.join(map(plain, others))} had none." if others else "."),
        fix_in="outside the bot",
        actions=(
            f"[wait] Until calls of {plain(exchange)} succeed again."
            if not over
            else "[read] Nothing: it is over.",
            "[read] The exchange's status page, and whether other hosts reach it.",
            "[code] Exits and stops must be retried until the exchange confirms them.",
        ),
        do_not="change the strategy because of the exchange",
        minutes=10,
        evidence=[
            *(_shown(calls.first_failure) for calls in failing.values() if calls.first_failure is not None),
            *(_shown(calls.last_failure) for calls in failing.values()),
            *(_shown(calls.first_ok_after) for calls in failing.values() if over),
        ],
        grouped_by=f"failed calls to exchange {plain(exchange)}",
    )


def _agent_loops(name: str, bot: BotFacts) -> Iterator[Issue]:
    for agent, llm in sorted(bot.llm.items()):
        loop = max(llm.repeated.values(), key=lambda series: series.count, default=llm.calls)
        repeated = loop.count if llm.repeated else 0
        over_limit = llm.limit is not None and any(cost > llm.limit for cost in llm.cost.values())
        if repeated < LOOP_CALLS and not over_limit:
            continue
        cost = ", ".join(
            f"{amount.normalize():f} {currency}" for currency, amount in sorted(llm.cost.items())
        )
        yield _issue(
            ("llm-loop", name, agent),
            Category.LLM,
            IssueSeverity.ERROR,
            "LLM agent loops",
            name,
            first=loop.first,
            last=loop.last,
            count=loop.count,
            trend=loop.trend(),
            explanation=_loop_text(agent, llm, repeated, cost, bot),
            fix_in=f"config: pause agent {plain(agent)}; then code",
            actions=(
                f"[config] Pause {plain(agent)}, or set its call and cost limit.",
                "[read] The last answers: why does the conversation not end?",
                "[code] A call limit per conversation, and a stop when answers repeat.",
            ),
            do_not="raise the daily limit to get it going again",
            minutes=20,
            evidence=[_shown(r) for r in (llm.first, llm.last) if r is not None],
            grouped_by=f"model calls of agent {plain(agent)}",
        )


def _loop_text(agent: str, llm: Llm, repeated: int, cost: str, bot: BotFacts) -> str:
    text = f"{llm.calls.count} calls, {repeated} of them in one conversation or with one prompt"
    text += f", {cost} so far" if cost else ", unpriced"
    if llm.limit is not None:
        text += f" (daily limit {llm.limit.normalize():f})"
    if llm.unpriced:
        text += f", {llm.unpriced} calls unpriced"
    orders = sum(bot.order_outcomes.values())
    return text + f"; {bot.signals} signals and {orders} order records of this bot."


def _stale_feed(name: str, bot: BotFacts) -> Iterator[Issue]:
    values = bot.heartbeat.values
    age = decimal(values.get("candle.age_s") or values.get("tick.age_s"))
    closed = values.get("market.open") is False
    if age is None or age < STALE_CANDLE_S or closed:
        return
    due = bot.heartbeat.time - int(age * SECOND_NS)
    state = plain(str(values.get("bot.state") or "running"))
    yield _issue(
        ("stale-feed", name),
        Category.TRADING,
        IssueSeverity.ERROR,
        "Alive but without data: the price feed stopped",
        name,
        first=due,
        last=bot.heartbeat.time,
        count=bot.heartbeats.count,
        trend="worse",
        explanation=f"The bot reports {state}, yet its last candle was {int(age)} s old at its "
        "last heartbeat. "
        "Signals and exits computed since then stand on old prices.",
        fix_in="outside or the feed's reconnect code",
        actions=(
            "[read] Does the feed deliver to another client? When did its connection last open?",
            "[ask] Should the bot hold open positions while it is blind?",
            "[restart] Reconnect the feed; candles must arrive within one interval.",
        ),
        do_not="trust RUNNING: the loop lives, the data does not",
        minutes=10,
        evidence=[_shown(bot.heartbeat)],
        grouped_by=f"heartbeats of {plain(name)} whose data is too old",
    )


def _lost_notices(name: str, bot: BotFacts) -> Iterator[Issue]:
    for channel, calls in sorted(bot.notifications.items()):
        if not calls.failed.count or PROGRAM in calls.last_failure.values:
            continue
        over = calls.first_ok_after.time > calls.last_failure.time
        yield _issue(
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
            f" ({_listed(sorted(calls.reasons))}): the operator may not know.",
            fix_in="config or outside",
            actions=(
                "[read] The channel's answer in the evidence; is it a limit, a wrong address or an outage?",
                "[config] A second channel for alarms.",
            ),
            minutes=10,
            evidence=[_shown(r) for r in (calls.first_failure, calls.last_failure) if r is not None],
            grouped_by=f"failed messages of channel {plain(channel)}",
        )


def _rejected_orders(name: str, bot: BotFacts) -> Iterator[Issue]:
    refused = [o for o in bot.orders.values() if o.last.name == "order.rejected"]
    if not refused:
        return
    refused.sort(key=lambda order: order.last.time)
    yield _issue(
        ("rejected", name),
        Category.TRADING,
        IssueSeverity.WARNING,
        "Orders are rejected by the exchange",
        name,
        first=refused[0].last.time,
        last=refused[-1].last.time,
        count=len(refused),
        explanation="The exchange refused these orders; the intended trades did not happen.",
        fix_in="config or code",
        actions=(
            "[read] The reason in each rejection.",
            "[read] Balance and the symbol's limits at the exchange.",
            "[code] Check balance, lot size and price filters before sending.",
        ),
        minutes=15,
        evidence=[_shown(order.last) for order in refused[:4]],
        grouped_by=f"rejected orders of {plain(name)}",
    )


def _ended(name: str, bot: BotFacts) -> Iterator[Issue]:
    if bot.process.name != "process.exited":
        return
    values = bot.process.values
    signal, code = str(values.get("process.signal") or ""), values.get("process.exit_code")
    asked = signal in ("SIGTERM", "SIGINT", "SIGHUP")
    # Without a supervisor nobody knows code or signal: only that the last word is missing.
    unknown = code is None and not signal and values.get("process.clean") is False
    if not signal and not code and not unknown:
        return
    if values.get("process.oom"):
        how, why = "was killed: out of memory", "The system had no memory left and killed the process."
    elif unknown:
        how, why = "ended without a last word", "Killed, crashed or left abruptly; no supervisor saw how."
    elif signal:
        how, why = f"ended by {plain(signal)}", f"The process got {plain(signal)}."
    else:
        how, why = f"ended with exit code {plain(str(code))}", "The process left with an error code."
    if values.get("faulthandler.stacktrace"):
        why += " The interpreter's own crash dump is in the evidence."
    category = Category.MEMORY if values.get("process.oom") else Category.SYSTEM
    yield _issue(
        ("ended", name),
        category,
        IssueSeverity.INFO if asked else IssueSeverity.CRITICAL,
        f"The bot {how}",
        name,
        first=bot.process.time,
        last=bot.process.time,
        count=1,
        explanation=why,
        fix_in="host" if signal or values.get("process.oom") else "code or config",
        actions=(
            "[read] The last lines before the end, and any other issue of that minute.",
            "[restart] When the cause is known.",
        ),
        minutes=15,
        evidence=[_shown(bot.process)],
        grouped_by=f"the end of the process of {plain(name)}",
    )


def _leaks(state: State) -> Iterator[Issue]:
    for joined, facts in sorted(state.leaks.items()):
        kind = joined.replace("+", ", ")
        wallet = any(word in kind for word in ("mnemonic", "seed", "private", "wallet"))
        grave = any(word in kind for word in ("key", "secret", "token", "password", "private", "mnemonic"))
        yield Issue(
            fingerprint=(digest := fingerprint_of("leak", joined)),
            id=f"I-{digest[:6]}",
            rule="leak",
            category=Category.SYSTEM,
            severity=IssueSeverity.CRITICAL if grave else IssueSeverity.WARNING,
            status=IssueStatus.ONGOING,
            component=min(facts.components, default=""),
            services=tuple(sorted(name for name in facts.services if name)),
            title=f"Secret in the log: {kind.replace('_', ' ')}",
            explanation=f"Logged {facts.seen.count} times. It is masked here, not where the bot wrote it: "
            "treat it as burnt.",
            fix_in="a person: rotate it; then code",
            actions=_MOVE if wallet else _ROTATE,
            do_not="paste the original line anywhere",
            expected_minutes=20,
            count=facts.seen.count,
            first_seen=facts.seen.first,
            last_seen=facts.seen.last,
            evidence=evidence_of(facts),
            grouped_by=f"masked secrets of kind {kind}, found in one line",
        )


def _issue(
    key: tuple[str, ...],
    category: Category,
    severity: IssueSeverity,
    title: str,
    component: str,
    *,
    first: int,
    last: int,
    count: int,
    explanation: str,
    fix_in: str,
    actions: tuple[str, ...],
    minutes: int,
    grouped_by: str,
    evidence: list[Evidence],
    do_not: str = "",
    trend: str = "steady",
    succeeded: int = 0,
    services: tuple[str, ...] = (),
    money: tuple[Money, ...] | None = None,
) -> Issue:
    digest = fingerprint_of(*key)
    minutes_span = max((last - first) / MINUTE_NS, 1.0)
    unique = {item.id: item for item in evidence}
    return Issue(
        fingerprint=digest,
        id=f"I-{digest[:6]}",
        rule=key[0],
        category=category,
        severity=severity,
        status=IssueStatus.ONGOING,
        component=component,
        services=services or ((component,) if component else ()),
        title=title,
        explanation=explanation,
        fix_in=fix_in,
        actions=actions,
        do_not=do_not,
        expected_minutes=minutes,
        count=count,
        first_seen=first,
        last_seen=last,
        succeeded_since=succeeded,
        rate_per_minute=count / minutes_span,
        trend=trend,
        money_at_risk=money,
        evidence=tuple(unique.values()),
        grouped_by=grouped_by,
    )


def _shown(register: Register) -> Evidence:
    quote = register.quote or ("", register.time, "", "", "")
    return Evidence(id=quote[0], time=quote[1], severity=quote[2], source=quote[3], text=quote[4])


def _listed(reasons: list[str]) -> str:
    return ", ".join(map(plain, reasons)) or "no reason given"
