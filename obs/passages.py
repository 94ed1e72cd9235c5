"""How far signals came in the last 24 hours: of each bot, and of all together.

A bot that trades without signals, such as one that works a grid, has orders and no signals: it is counted as
it is, nothing is made up between.
"""

from __future__ import annotations

from collections.abc import Mapping

from obs.books import BotFacts
from obs.books.facts import Register
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.standing import Gate, Passage

__all__ = ["MOST_GATES", "passages"]

DAY_NS = 24 * 60 * MINUTE_NS
MOST_GATES = 12
"""Gates that are told one by one, those that stopped most first."""
_KINDS = {"filter": "filter", "denied": "risk", "entry.rejected": "exchange", "entry.expired": "exchange"}
_KNOWN = ("confidence", "volatility", "correlation", "regime", "cooldown")
"""Gates in the order in which they are usually passed; others follow."""


def passages(bots: Mapping[str, BotFacts], now: int) -> tuple[Passage, ...]:
    """Return the way of signals of each bot that had any, all together first; empty when none had."""
    told = [
        passage
        for name, bot in sorted(bots.items())
        if bot.passed
        and bot.mode.values.get("run.mode") != "backtest"
        and _is_any(passage := _passage(name, bot, now - DAY_NS))
    ]
    return (_all(told), *told) if told else ()


def _passage(name: str, bot: BotFacts, since: int) -> Passage:
    counts = {key: fresh for key, series in bot.passed.items() if (fresh := series.since(since))}
    gates = [
        _gate(key, count, bot.gate_words.get(key, Register())) for key, count in counts.items() if _kind(key)
    ]
    return Passage(
        service=name,
        signals=counts.get("signal", 0),
        decisions=counts.get("decision", 0),
        orders=counts.get("entry.submitted", 0),
        fills=counts.get("entry.filled", 0),
        gates=_ordered(gates),
    )


def _kind(key: str) -> str:
    return _KINDS.get(key) or _KINDS.get(key.partition(" ")[0], "")


def _gate(key: str, stopped: int, newest: Register) -> Gate:
    kind = _kind(key)
    first, _, rest = key.partition(" ")
    name = rest if kind in ("filter", "risk") else first.removeprefix("entry.")
    values = newest.values
    return Gate(
        name=plain(name) or "unknown",
        kind=kind,
        stopped=stopped,
        value=plain(values.get("value") if values.get("value") is not None else ""),
        threshold=plain(values.get("threshold") if values.get("threshold") is not None else ""),
    )


def _all(told: list[Passage]) -> Passage:
    gates: dict[tuple[str, str], Gate] = {}
    for gate in (gate for passage in told for gate in passage.gates):
        known = gates.get((gate.kind, gate.name))
        same = known is None or known.threshold == gate.threshold
        gates[gate.kind, gate.name] = Gate(
            name=gate.name,
            kind=gate.kind,
            stopped=gate.stopped + (known.stopped if known else 0),
            # Of bots with different thresholds none is true of all.
            threshold=gate.threshold if same else "",
            value=gate.value if same else "",
        )
    return Passage(
        signals=sum(one.signals for one in told),
        decisions=sum(one.decisions for one in told),
        orders=sum(one.orders for one in told),
        fills=sum(one.fills for one in told),
        gates=_ordered(list(gates.values())),
    )


def _ordered(gates: list[Gate]) -> tuple[Gate, ...]:
    places = ("filter", "risk", "exchange")

    def key(gate: Gate) -> tuple[int, int, int, str]:
        known = _KNOWN.index(gate.name) if gate.name in _KNOWN else len(_KNOWN)
        return places.index(gate.kind), known, -gate.stopped, gate.name

    kept = sorted(gates, key=lambda gate: (-gate.stopped, gate.name))[:MOST_GATES]
    return tuple(sorted(kept, key=key))


def _is_any(passage: Passage) -> bool:
    return bool(passage.signals or passage.orders or passage.fills or passage.gates)
