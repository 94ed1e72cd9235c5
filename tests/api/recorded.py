"""A day of paper trades on real candles, as the records a bot writes; a small one is kept in tests/data.

`python -m tests.api.recorded CORPUS` writes the kept one anew. The rule is simple: two averages cross at a
close, the order fills at the next open, both sides pay a fee. Two agents advise and are credited; models are
asked at each decision.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.builders import REPO

KEPT = REPO / "tests" / "data" / "trading_day.jsonl.gz"
FEE = Decimal("0.001")
FAST, SLOW = 12, 48
MS = 1_000_000
MODELS = (
    ("trend-desk", "anthropic", "desk-large"),
    ("news-desk", "openai", "desk-small"),
    ("news-desk", "perplexity", "desk-search"),
)
PRICES = {
    "desk-large": ("3.00", "15.00"),
    "desk-small": ("0.25", "1.25"),
    "desk-search": ("1.00", "1.00"),
}
"""Model -> USD for a million tokens in and out."""

Bar = tuple[int, Decimal, Decimal]
"""Ms since midnight, open, close."""
Record = dict[str, Any]


def candles(archive: Path) -> list[Bar]:
    """Return the minutes of a day."""
    with zipfile.ZipFile(archive) as packed, packed.open(packed.namelist()[0]) as file:
        rows = csv.reader(io.TextIOWrapper(file, "ascii"))
        return [(int(row[0]), Decimal(row[1]), Decimal(row[4])) for row in rows]


def day(bars: Sequence[Bar], *, bot: str, symbol: str, currency: str, quantity: str) -> list[Record]:
    """Return what a bot writes while it trades these bars, times in ns since midnight."""
    return list(_traded(bars, bot, symbol, currency, Decimal(quantity)))


def shifted(records: Sequence[Record], *, end: int) -> list[Record]:
    """Return the records moved in time so that the last is at `end` (Unix ns)."""
    by = end - max(record["timestamp"] for record in records)
    moved = []
    for record in sorted(records, key=lambda one: one["timestamp"]):
        values = dict(record["attributes"])
        for name in ("entry.time", "exit.time"):
            if name in values:
                values[name] += by
        moved.append({**record, "timestamp": record["timestamp"] + by, "attributes": values})
    return moved


def kept() -> list[Record]:
    """Return the records of tests/data."""
    with gzip.open(KEPT, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def price_file(prices: Mapping[str, tuple[str, str]]) -> str:
    """Return the prices as a sidecar's price file holds them."""
    return "".join(
        f'[[price]]\nmodel = "{model}"\ninput = "{into}"\noutput = "{out}"\n\n'
        for model, (into, out) in prices.items()
    )


def lines(records: Sequence[Record]) -> str:
    """Return the records as a bot's file holds them."""
    return "".join(json.dumps(record) + "\n" for record in records)


def _traded(bars: Sequence[Bar], bot: str, symbol: str, currency: str, quantity: Decimal) -> Iterator[Record]:
    common = {"bot.id": bot, "run.mode": "paper", "symbol": symbol, "currency": currency}
    number, entered, entry = 0, 0, Decimal(0)

    def record(at: int, name: str, **values: Any) -> Record:
        return {
            "timestamp": at,
            "severity": "INFO",
            "logger": f"{bot}.desk",
            "body": name,
            "event_name": name,
            "attributes": {**common, **{key.replace("__", "."): value for key, value in values.items()}},
            "resource": {"service.name": bot},
        }

    equity = Decimal(10_000)
    is_above = _mean(bars, SLOW, FAST) > _mean(bars, SLOW, SLOW)
    for index in range(SLOW + 1, len(bars) - 1):
        was_above, is_above = is_above, _mean(bars, index, FAST) > _mean(bars, index, SLOW)
        at, price = bars[index + 1][0] * MS, bars[index + 1][1]
        if is_above == was_above:
            continue
        yield from _asked(record, at - 5_000 * MS, bot, index)
        if is_above:
            number, entered, entry = number + 1, at, price
            yield from _filled(record, at, f"{bot}-o{number}", "buy", quantity, price)
            yield record(
                at + 3 * MS,
                "position.opened",
                position__id=f"{bot}-p{number}",
                position__side="long",
                position__quantity=str(quantity),
                position__average_price=str(price),
            )
        elif entered:
            fees = (FEE * quantity * (entry + price)).quantize(Decimal("0.01"))
            net = (quantity * (price - entry) - fees).quantize(Decimal("0.01"))
            equity += net
            yield from _filled(record, at, f"{bot}-c{number}", "sell", quantity, price)
            yield record(
                at + 3 * MS,
                "trade.closed",
                trade__id=f"{bot}-t{number}",
                position__id=f"{bot}-p{number}",
                quantity=str(quantity),
                entry__price=str(entry),
                exit__price=str(price),
                entry__time=entered,
                exit__time=at,
                pnl__net=str(net),
                fees=str(fees),
            )
            for agent, share in (("trend-desk", Decimal("0.7")), ("news-desk", Decimal("0.3"))):
                yield record(
                    at + 4 * MS,
                    "attribution.computed",
                    trade__id=f"{bot}-t{number}",
                    agent__name=agent,
                    contribution=str((net * share).quantize(Decimal("0.0001"))),
                    contribution__method="shapley",
                )
            entered = 0
            yield record(at + 5 * MS, "equity.measured", equity=str(equity), equity__day_start="10000")


def _asked(record: Any, at: int, bot: str, index: int) -> Iterator[Record]:
    """What the models were asked before a decision; each tenth call fails."""
    for place, (agent, provider, model) in enumerate(MODELS):
        if model == "desk-search" and index % 3:
            continue
        is_failed = (index + place) % 10 == 0
        tokens = (
            {}
            if is_failed
            else {
                "gen_ai__usage__input_tokens": 900 + 37 * (index % 50),
                "gen_ai__usage__output_tokens": 120 + 3 * (index % 70) + place,
            }
        )
        values = {
            "gen_ai__operation__name": "chat",
            "gen_ai__provider__name": provider,
            "gen_ai__request__model": model,
            "gen_ai__agent__name": agent,
            "gen_ai__response__id": f"{bot}-{index}-{place}",
            "duration_ms": 700 + 10 * (index % 90),
            **tokens,
            **({"error__type": "timeout"} if is_failed else {}),
        }
        made = record(at + place * MS, "gen_ai.client.inference.operation.details", **values)
        # What only counts tokens names no currency of the trade.
        made["attributes"].pop("currency")
        yield made


def _filled(
    record: Any, at: int, order: str, side: str, quantity: Decimal, price: Decimal
) -> Iterator[Record]:
    common = {"order__id": order, "order__side": side}
    yield record(at, "order.submitted", **common, order__type="market", order__quantity=str(quantity))
    yield record(
        at + 2 * MS,
        "order.filled",
        **common,
        fill__id=f"{order}-f1",
        fill__quantity=str(quantity),
        fill__price=str(price),
        fill__fee=str(FEE * quantity * price),
        order__remaining="0",
    )


def _mean(bars: Sequence[Bar], index: int, count: int) -> Decimal:
    return sum((bar[2] for bar in bars[index - count + 1 : index + 1]), Decimal(0)) / count


def of_corpus(corpus: Path) -> list[Record]:
    """Return the day of two bots in two currencies, on candles of Coinbase and Bybit."""
    lean = corpus / "market" / "lean"
    btc = candles(lean / "crypto_coinbase_minute" / "btcusd" / "20171217_trade.zip")
    eth = candles(lean / "crypto_coinbase_minute" / "ethusd" / "20170904_trade.zip")
    return [
        *day(btc, bot="btc-1", symbol="BTC/USD", currency="USD", quantity="0.05"),
        *day(eth, bot="eth-1", symbol="ETH/USD", currency="USD", quantity="2"),
    ]


def main() -> None:
    """Write the kept day anew."""
    records = shifted(of_corpus(Path(sys.argv[1])), end=86_400_000_000_000)
    with gzip.GzipFile(KEPT, "wb", mtime=0) as file:
        file.write(lines(records).encode())
    print(f"{len(records)} records, {KEPT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
