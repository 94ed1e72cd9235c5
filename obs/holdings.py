"""What stands in the market, by the bots' own words: positions, open orders, results, and may one restart.

Part of the answers of `obs.outlook`. Simulated money is called so; amounts are never added over currencies.
What a log does not tell is said to be unknown: a position wrongly called closed costs more than a look at the
exchange.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from obs.books import BotFacts, Thing, decimal
from obs.hazards import mark_price, open_positions, protection
from obs.hazards.positions import stop_at_exchange
from obs.healthrows import amount, clock, number, times_open, waiting
from obs.money.book import MoneyBook
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueStatus

__all__ = ["counted", "money", "restart", "stop_at_exchange"]

SIMULATED = ("paper", "dry_run", "backtest")
"""Values of `run.mode` in which no real money moves."""
MAX_SHOWN = 6
"""So many positions and orders are named, the rest is counted."""


def money(bots: Mapping[str, BotFacts], mode: str, book: MoneyBook) -> list[str]:
    """Return what is known of money, one sentence for each thing known.

    Args:
        bots: The facts of each bot.
        mode: `live`, `dry run`, `backtest` or empty.
        book: Their results.
    """
    if mode == "backtest":
        return ["backtest: no real funds, nothing at risk.", *_results(bots, book)]
    simulated = "dry run, no real funds" if mode == "dry run" else ""
    lines = []
    mixed = len(bots) > 1 and _is_mixed(bots.values())
    who = {name: f"{_named(name, bot, mixed=mixed)} " if len(bots) > 1 else "" for name, bot in bots.items()}
    parts = [part for name, bot in bots.items() for part in _holdings(who[name], bot)]
    if parts:
        more = f"; {len(parts) - MAX_SHOWN} more" if len(parts) > MAX_SHOWN else ""
        lines.append(
            f"{simulated + '. Simulated: ' if simulated else ''}{'; '.join(parts[:MAX_SHOWN])}{more}."
        )
    elif simulated:
        lines.append(f"{simulated}; no open position seen.")
    results = list(_results(bots, book))
    lines += results
    if not results and any(bot.orders or bot.positions for bot in bots.values()):
        lines.append("No trade closed, so no P&L and no win rate yet.")
    lines += _uncounted(bots)
    if not lines:
        known = any(bot.positions or bot.orders or bot.order_outcomes for bot in bots.values())
        known = known or any(book.results(name) for name in bots)
        lines.append(
            "no open position or order seen."
            if known
            else "unknown, no order or position events; treat as live."
        )
    return lines


def restart(bots: Mapping[str, BotFacts], mode: str, issues: Sequence[Issue], now: int = 0) -> str:
    """Return whether the bots may be started again, with the reason."""
    active = [i for i in issues if i.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)]
    waits = next((i for i in active if i.until > now > 0), None)
    if waits is not None:
        # Rounded up to the second: a moment too early is one call too many.
        end = clock(waits.until + 999_999_999)
        return f"**no, not before {end} UTC** ({waits.id}): a call before it may lengthen the wait."
    grave = next((i for i in active if i.severity.rank >= 2 and i.cause is None and _is_lasting(i)), None)
    useless = f", useless before {grave.id} is mended: it would fail the same way" if grave else ""
    if mode in ("dry run", "backtest"):
        held = mode == "dry run" and any(open_positions(bot) for bot in bots.values())
        bare = held and any(stop_at_exchange(bot) is False for bot in bots.values())
        would = " In a live run the position would be without a stop while the bot is down." if bare else ""
        return f"safe ({mode}){useless}.{would}"
    bots = {name: bot for name, bot in bots.items() if not _is_simulated(bot)}
    holding = [plain(name) for name, bot in bots.items() if open_positions(bot) or _unseen(bot) > 0]
    held_by = set(holding)
    flat = [
        _flat(plain(name), bot) for name, bot in bots.items() if plain(name) not in held_by and _is_flat(bot)
    ]
    if holding:
        text = f"{', '.join(holding)} **no**: open positions, look at the exchange first"
        unheld = [plain(n) for n, b in bots.items() if plain(n) in held_by and stop_at_exchange(b) is False]
        text += f", then start soon: while {', '.join(unheld)} is down no stop exists" if unheld else ""
        return text + (f"; {', '.join(flat)}, safe" if flat else "") + "."
    resting = sum(times_open(order) for bot in bots.values() for order in waiting(bot))
    rest = f"; {orders(resting)} may rest at the exchange and fill meanwhile" if resting else ""
    if flat:
        verdict = "safe" if not rest else "but not without a look at the exchange"
        return f"{', '.join(flat)}, {verdict}{rest}{useless}."
    return f"not known: no position events, so look at the exchange first{rest}{useless}."


def counted(bot: BotFacts) -> int | None:
    """Return how many trades the bot itself counted as open, when it said nothing of its trades since."""
    count = decimal(bot.account.values.get("positions.open"))
    known = [*bot.positions.values(), *bot.orders.values()]
    if count is None or any(thing.last.time > bot.account.time for thing in known):
        return None
    if not (known or bot.heartbeats.count or bot.signals):
        # It ended before it began: it may never have looked at its book.
        return None
    # A bot that runs again has opened or found its trades since.
    return int(count) if bot.state.name == "bot.stopped" or bot.state.time <= bot.account.time else None


def _unseen(bot: BotFacts) -> int:
    """How many trades the bot counted that this log does not name."""
    count = counted(bot)
    if not count:
        return 0
    named = {thing.values.get("symbol") for _, thing in open_positions(bot)}
    named |= {
        order.values.get("symbol") for order in waiting(bot) if order.values.get("order.slot") != "exit"
    }
    return max(count - len(named), 0)


def _uncounted(bots: Mapping[str, BotFacts]) -> Iterator[str]:
    for name, bot in bots.items():
        unseen = _unseen(bot)
        if unseen:
            yield (
                f"{plain(name)} counted {counted(bot)} open trades at {clock(bot.account.time)}; "
                f"{unseen} of them are not named in this log: look at the exchange."
            )


def _is_flat(bot: BotFacts) -> bool:
    return counted(bot) == 0 or (bool(bot.positions) and not open_positions(bot))


def _flat(name: str, bot: BotFacts) -> str:
    if counted(bot) == 0:
        return f"{name} flat by its own count at {clock(bot.account.time)}"
    # A program that never heard of us tells of its positions as it logs them: an older log may hold more.
    return f"{name} flat" + (" as far as this log goes" if bot.program.values.get("bot.program") else "")


def _is_lasting(issue: Issue) -> bool:
    """Whether a restart meets the same fault again: settings, wiring and code do not change by themselves."""
    return issue.category in (Category.CONFIG, Category.CODE, Category.DI)


def _holdings(who: str, bot: BotFacts) -> Iterator[str]:
    for key, position in open_positions(bot):
        yield who + _position_line(bot, key, position)
    resting = waiting(bot)
    if resting:
        alike: Counter[str] = Counter()
        for order in resting:
            alike[_order_line(order)] += times_open(order)
        first = list(alike.items())[:4]
        shown = ", ".join(line if count == 1 else f"{line} {count}×" for line, count in first)
        left = alike.total() - sum(count for _, count in first)
        more = f", {left} more" if left else ""
        yield f"{who}{orders(alike.total())} not filled ({shown}{more})"


def _named(name: str, bot: BotFacts, *, mixed: bool) -> str:
    """The bot's name; where others trade for real, what is simulated must not look so."""
    return f"{plain(name)}{' (simulated)' if mixed and _is_simulated(bot) else ''}"


def _is_mixed(bots: Iterable[BotFacts]) -> bool:
    """Whether some of the bots trade for real and some do not."""
    # Whoever tells no mode and trades nothing, as a program that only starts bots, mixes nothing.
    trading = [bot for bot in bots if "run.mode" in bot.mode.values or bot.orders or bot.positions]
    return len({_is_simulated(bot) for bot in trading}) > 1


def _is_simulated(bot: BotFacts) -> bool:
    return str(bot.mode.values.get("run.mode")) in SIMULATED


def _order_line(order: Thing) -> str:
    values = order.values
    text = plain(values.get("symbol") or "?")
    price, quantity = decimal(values.get("order.price")), decimal(values.get("order.quantity"))
    size = decimal(values.get("order.stake"))
    if size is None and price is not None and quantity is not None:
        size = price * quantity
    currency = plain(values.get("currency") or "")
    return text + (f" {amount(size)} {currency}" if size is not None and currency else "")


def _position_line(bot: BotFacts, key: str, position: Thing) -> str:
    values = position.values
    quantity = decimal(values.get("position.quantity"))
    text = f"{number(quantity)} {plain(values.get('symbol') or key)}"
    side = plain(values.get("position.side") or "")
    text += f" {side}" if side else ""
    entry = decimal(values.get("position.average_price"))
    text += f" at {number(_price(entry))}" if entry is not None else ""
    price = mark_price(values)
    currency = plain(values.get("currency") or "")
    if price is not None and quantity is not None and currency:
        text += f" ({amount(abs(quantity) * price)} {currency})"
    for name, word in (("pnl.unrealized", "unrealized"), ("pnl.realized", "realized so far")):
        pnl = decimal(values.get(name))
        if pnl and currency:
            text += f", {word} {amount(pnl)} {currency}"
    verdict, since, stops = protection(bot, key, position)
    if verdict == "stop" and all(stop.values.get("order.emulated") for stop in stops):
        # Emulated orders are sent when their price is reached, by a bot that runs.
        text += ", stop only in the bot"
    elif verdict == "none":
        text += f", **without a stop since {clock(since)}**"
    elif verdict == "unknown":
        text += ", stop only in the bot" if stop_at_exchange(bot) is False else ", stop not known"
    return f"holds {text}"


def _price(price: Decimal) -> Decimal:
    """An average price has as many digits as its division gave; six say it, and cents are never cut."""
    return round(price, max(2, 5 - price.adjusted()) if price else 2)


def _results(bots: Mapping[str, BotFacts], book: MoneyBook) -> Iterable[str]:
    parts, mixed = [], _is_mixed(bots.values())
    for name, bot in bots.items():
        for currency, trades in sorted(book.results(name).items()):
            if trades.settled:
                closed = f"{trades.settled} closed trade{'' if trades.settled == 1 else 's'}"
                result = f"{trades.won} won, {amount(trades.pnl)} {plain(currency)}"
                parts.append(f"{_named(name, bot, mixed=mixed)} {closed}, {result}")
        for agent, llm in sorted(bot.llm.items()):
            cost = ", ".join(f"{_cost(c)} {plain(cur)}" for cur, c in sorted(llm.cost.items()))
            if cost:
                parts.append(f"LLM cost of {plain(name)} {plain(agent)} {cost}")
    more = f"; {len(parts) - 8} more" if len(parts) > 8 else ""
    earners = [bots[name] for name in bots if book.results(name)] or list(bots.values())
    title = "Simulated results" if all(map(_is_simulated, earners)) else "Results"
    return [f"{title}: {'; '.join(parts[:8])}{more}."] if parts else []


def _cost(value: Decimal) -> str:
    """A call of a small model costs less than a cent, which is not nothing."""
    return number(value, 2) if not value or abs(value) >= Decimal("0.01") else number(Decimal(f"{value:.2g}"))


def orders(count: int) -> str:
    """Return `1 order` or `2 orders`."""
    return f"{count} order{'' if count == 1 else 's'}"
