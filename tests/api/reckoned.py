"""The figures of a recorded day once more, in plain Python over the records, without the product's code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Record = dict[str, Any]
HOUR = 3_600_000_000_000
DAY = 24 * HOUR


class Reckoned:
    """A recorded day and what it comes to."""

    def __init__(
        self, records: Sequence[Record], *, now: int, zone: str, prices: Mapping[str, tuple[str, str]]
    ) -> None:
        self.now, self.zone, self.prices = now, ZoneInfo(zone), prices
        self.trades: dict[str, Record] = {}
        self.calls: list[Record] = []
        self.credits: list[Record] = []
        for record in records:
            values = record["attributes"]
            if record["event_name"] == "position.opened":
                self._trade(values).update(entered=record["timestamp"])
            elif record["event_name"] == "trade.closed":
                net = values.get("pnl.net")
                self._trade(values).update(
                    entered=values["entry.time"],
                    left=values["exit.time"],
                    pnl=Decimal(net) if net is not None else None,
                    currency=values["currency"],
                    trade=values["trade.id"],
                )
            elif record["event_name"] == "attribution.computed":
                self.credits.append(record)
            elif record["event_name"] == "gen_ai.client.inference.operation.details":
                self.calls.append({**values, "at": record["timestamp"], "cost": self._cost(values)})

    def midnight(self) -> int:
        """The begin of today, Unix ns."""
        at = datetime.fromtimestamp(self.now / 1e9, self.zone)
        return int(at.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000_000

    def window(self, start: int, end: int) -> Record:
        """What happened from `start` up to `end`."""
        touched = [
            one
            for one in self.trades.values()
            if start <= one["entered"] < end or start <= one.get("left", 0) < end
        ]
        settled = self.settled(start, end)
        calls = [call for call in self.calls if start <= call["at"] < end]
        return {
            "trades": len(touched),
            "settled": len(settled),
            "pending": len(touched) - len(settled),
            "won": sum(one["pnl"] > 0 for one in settled),
            "lost": sum(one["pnl"] < 0 for one in settled),
            "pnl": _sums((one["currency"], one["pnl"]) for one in settled),
            "cost": _sums(("USD", call["cost"]) for call in calls if call["cost"] is not None),
            "calls": len(calls),
            "unpriced": sum(call["cost"] is None for call in calls),
        }

    def settled(self, start: int, end: int) -> list[Record]:
        """Trades whose result came from `start` up to `end`."""
        return [
            one
            for one in self.trades.values()
            if start <= one.get("left", 0) < end and one.get("pnl") is not None
        ]

    def hours(self, count: int) -> list[tuple[int, Record]]:
        """The last hours of the clock, the running one last."""
        end = (self.now // HOUR + 1) * HOUR
        starts = [end - (count - number) * HOUR for number in range(count)]
        return [(start, self.window(start, start + HOUR)) for start in starts]

    def agent(self, name: str, days: int) -> Record:
        """What one agent brought and cost; today is the last of the days."""
        start = self.midnight() - (days - 1) * DAY
        closed = {one["trade"]: one for one in self.settled(start, self.now + DAY)}
        own = [
            one["attributes"]
            for one in self.credits
            if one["attributes"]["agent.name"] == name and one["attributes"]["trade.id"] in closed
        ]
        calls = [c for c in self.calls if c["gen_ai.agent.name"] == name and c["at"] >= start]
        cost = _sums(("USD", call["cost"]) for call in calls if call["cost"] is not None)
        return {
            "trades": len(own),
            "won": sum(closed[one["trade.id"]]["pnl"] > 0 for one in own),
            "contribution": _sums((one["currency"], Decimal(one["contribution"])) for one in own),
            "cost": cost,
            "calls": len(calls),
            "unpriced": sum(call["cost"] is None for call in calls),
        }

    def models(self, start: int) -> dict[tuple[str, str], Record]:
        """Provider and model -> what it was used for since `start`."""
        found: dict[tuple[str, str], Record] = {}
        for call in self.calls:
            if call["at"] < start:
                continue
            key = call["gen_ai.provider.name"], call["gen_ai.request.model"]
            one = found.setdefault(key, defaultdict(int))
            one["calls"] += 1
            one["failed"] += "error.type" in call
            one["input_tokens"] += call.get("gen_ai.usage.input_tokens", 0)
            one["output_tokens"] += call.get("gen_ai.usage.output_tokens", 0)
            one["unpriced"] += call["cost"] is None
            one["cost"] += call["cost"] or Decimal(0)
        return found

    def _trade(self, values: Record) -> Record:
        return self.trades.setdefault(values["position.id"], {})

    def _cost(self, values: Record) -> Decimal | None:
        """None: no price is known; a failed call without tokens costs nothing."""
        if "gen_ai.usage.input_tokens" not in values:
            return Decimal(0)
        price = self.prices.get(values["gen_ai.request.model"])
        if price is None:
            return None
        into, out = map(Decimal, price)
        asked, answered = values["gen_ai.usage.input_tokens"], values["gen_ai.usage.output_tokens"]
        return (Decimal(asked) * into + Decimal(answered) * out) / 1_000_000


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in amounts:
        sums[currency] += amount
    return dict(sums)
