#!/usr/bin/env python3
"""The weekly report as Markdown from the two databases, for a NAS whose Python is old.

Needs nothing but the standard library of Python 3.8; reads, never writes, the databases. It knows no exchange
calendar, so a weekday without a row may have been a holiday; `trading report weekly` tells the two apart, and
draws charts. Figures are those of `trading report weekly`: `?` unknown, `-` none, `0` zero.

    python3.8 bin/weekly_report.py [--store FOLDER] [--reports FOLDER] [--date DAY] [--language en] [--print]
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Dict  # noqa: UP035 - Python 3.8 cannot subscript dict outside of annotations

Row = Dict[str, Any]  # noqa: UP006

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_PARTS = ("KRW", "JPY", "VND", "CLP")
TERMS = {
    "bull": ("bull", "강세장"),
    "bear": ("bear", "약세장"),
    "sideways": ("sideways", "횡보장"),
    "volatile": ("volatile", "고변동성"),
    "confidence": ("confidence", "신뢰도"),
    "volatility": ("volatility", "변동성"),
    "correlation": ("correlation", "상관계수"),
    "signal": ("signal", "신호"),
    "stop_loss": ("stop loss", "손절매"),
    "take_profit": ("take profit", "이익 실현"),
    "rebalance": ("rebalance", "리밸런싱"),
    "breaker": ("circuit breaker", "서킷 브레이커"),
    "manual": ("by hand", "수동"),
    "liquidation": ("liquidation", "강제 청산"),
}
WORDS = {
    "title": ("Weekly report {first} ~ {last}", "주간 리포트 {first} ~ {last}"),
    "lead": ("Week {first} to {last}, as of {as_of}", "주간 {first} ~ {last}, 기준일 {as_of}"),
    "no_as_of": ("no session recorded", "기록된 거래일 없음"),
    "failed": ("What failed", "실패한 것"),
    "performance": ("Performance", "성과"),
    "equity": ("Equity", "평가 자산"),
    "week_return": ("Week", "주간 수익률"),
    "week_profit": ("Week's P&L", "주간 손익"),
    "total_return": ("Since the start", "누적 수익률"),
    "max_drawdown": ("Max drawdown", "최대 낙폭"),
    "week_drawdown": ("Drawdown in the week", "주간 낙폭"),
    "win_rate": ("Win rate since the start", "누적 승률"),
    "won_of": ("{rate} ({wins} of {settled})", "{rate} ({settled}건 중 {wins}건)"),
    "no_trade": ("no settled trade", "청산된 거래 없음"),
    "best": ("Best trade of the week", "주간 최고 거래"),
    "worst": ("Worst trade of the week", "주간 최저 거래"),
    "sessions": ("Sessions", "거래일"),
    "session_heads": (
        "Day|Equity|Day|Regime|Positions|Signals|Filtered signals",
        "날짜|평가 자산|당일 수익률|시장 국면|보유|신호|걸러진 신호",
    ),
    "no_rows": (
        "Weekdays without a record (a holiday, or a run that failed): {days}",
        "기록이 없는 평일 (휴장이거나 실행 실패): {days}",
    ),
    "no_sessions": ("No session.", "거래일이 없습니다."),
    "trades": ("Closed trades", "청산된 거래"),
    "trade_heads": (
        "Symbol|Name|Closed|Quantity|Entry|Exit|P&L|Return|Reason",
        "종목|이름|청산일|수량|진입|청산|손익|수익률|사유",
    ),
    "no_trades": ("No trade was closed.", "청산된 거래가 없습니다."),
    "signals": ("Signals", "신호"),
    "counts": ("Buy {buy} · sell {sell} · hold {hold}", "매수 {buy} · 매도 {sell} · 유지 {hold}"),
    "gates": ("Stopped by: {gates}", "필터별: {gates}"),
    "no_gates": ("No signal was filtered.", "걸러진 신호가 없습니다."),
    "positions": ("Positions", "보유 종목"),
    "position_heads": (
        "Symbol|Name|Quantity|Average price|Close|Value|Weight|P&L|P&L %",
        "종목|이름|수량|평균 단가|종가|평가액|비중|손익|손익률",
    ),
    "no_positions": ("Nothing is held.", "보유 종목이 없습니다."),
    "foreign": (
        "{count} sessions are not in {currency} and were left out",
        "{currency} 기준이 아닌 거래일 {count}일은 제외했습니다",
    ),
    "legend": ("? unknown · - none · 0 zero", "? 알 수 없음 · - 없음 · 0 영"),
    "paper": ("Paper account: no real money moves.", "모의 계좌: 실제 자금은 움직이지 않습니다."),
}


class ReportError(Exception):
    """Something a person can mend."""


class Say:
    """Words and figures in one language and currency."""

    def __init__(self, language: str, currency: str) -> None:
        self.language = language
        self.currency = currency

    def __call__(self, key: str, **values: Any) -> str:
        return WORDS[key][self.language == "ko"].format(**values)

    def term(self, text: str) -> str:
        """Return a word of the core for people."""
        return TERMS[text][self.language == "ko"] if text in TERMS else text

    def day(self, text: str) -> str:
        """Return a date with its weekday."""
        day = date.fromisoformat(text)
        return (
            "{} ({})".format(day, "월화수목금토일"[day.weekday()])
            if self.language == "ko"
            else f"{day:%Y-%m-%d %a}"
        )

    def amount(self, value: float | None, signed: bool = False) -> str:
        """Return money with its currency."""
        if value is None:
            return "?"
        exact = Decimal(repr(float(value)))
        whole = self.currency in WITHOUT_PARTS
        text = grouped(exact, 0 if whole else 2)
        small = abs(exact) < (100 if whole else 1)
        if not signed and small and Decimal(text.replace(",", "")) != exact:
            digits = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 3), ROUND_HALF_EVEN)
            text = f"{digits.normalize():,f}"
        if signed and exact > 0 and text.strip("0."):
            text = "+" + text
        return (
            f"{text}원"
            if (self.currency, self.language) == ("KRW", "ko")
            else f"{text} {self.currency}".rstrip()
        )


def grouped(value: Decimal, places: int) -> str:
    """Return a number with thousands marked; one that rounds to zero has no sign."""
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text


def percent(value: float | None, places: int = 2, signed: bool = False, unknown: str = "?") -> str:
    """Return a fraction in percent."""
    if value is None:
        return unknown
    text = grouped(Decimal(repr(float(value))) * 100, places)
    return ("+" if signed and value > 0 and text.strip("0.") else "") + text + "%"


def quantity(value: float) -> str:
    """Return units with no more digits than they have."""
    return f"{Decimal(repr(float(value))).quantize(Decimal('1e-8'), ROUND_HALF_EVEN).normalize():,f}"


def escaped(value: Any) -> str:
    """Return foreign text for a line of Markdown: no mark, no link, nothing unseen."""
    text = re.sub(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]",
        "\ufffd",
        str(value),
    )
    text = re.sub(r"([\\`*_\[\]<>|#$@]|&(?=#|\w+;)|~(?=\S)|(?<=\S)~)", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?i)(://|\bwww\.)", lambda m: m.group(0).replace(":", "\\:").replace(".", "\\."), text)


def table(heads: str, rows: Iterable[Sequence[str]], empty: str) -> list[str]:
    """Return lines of a table; `heads` are separated by `|`."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    names = heads.split("|")
    if not lines:
        return [empty, ""]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names), *lines, ""]


def read(path: Path, queries: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of each query of one database, all of the same state."""
    if not path.is_file():
        raise ReportError(f"{path}: no such file. Name the folder of the databases with --store.")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=15)) as opened:
            opened.row_factory = sqlite3.Row
            opened.execute("BEGIN")
            return {name: [dict(row) for row in opened.execute(query)] for name, query in queries.items()}
    except sqlite3.Error as error:
        raise ReportError(f"{path}: {error}. Is it the store of this version, and readable?") from None


def load(store: Path, last: str) -> dict[str, list[Row]]:
    """Return the rows up to a day."""
    until = f"session <= '{last}' ORDER BY session"
    rows = read(
        store / "performance.db",
        {
            "days": f"SELECT * FROM daily_performance WHERE {until}",
            "trades": f"SELECT * FROM trades WHERE {until}, number",
            "positions": f"SELECT * FROM position_snapshots WHERE {until}, weight DESC, symbol",
        },
    )
    rows.update(
        read(
            store / "signals.db",
            {
                "signals": f"SELECT session, action FROM signals WHERE {until}",
                "filtered": f"SELECT session, filter FROM filtered_signals WHERE {until}",
                "failures": "SELECT r.session, r.error, coalesce(min(s.step), '?') AS step FROM runs r "
                "LEFT JOIN run_steps s ON s.session = r.session AND s.status = 'failed' "
                f"WHERE r.status = 'failed' AND r.session <= '{last}' GROUP BY r.session ORDER BY r.session",
            },
        )
    )
    return rows


def deepest(values: Sequence[float]) -> float | None:
    """Return the largest fall from a highest value so far; None without a value."""
    highest = float("-inf")
    low: float | None = None
    for value in values:
        highest = max(highest, value)
        if highest > 0:
            low = min(0.0 if low is None else low, value / highest - 1)
    return low


def compose(rows: Mapping[str, list[Row]], first: date, last: date, language: str, today: date) -> str:
    """Return the report."""
    newest = rows["days"][-1] if rows["days"] else None
    currency = newest["currency"] if newest else ""
    say = Say(language, currency)
    days = [row for row in rows["days"] if row["currency"] == currency]
    as_of = say.day(days[-1]["session"]) if days else say("no_as_of")
    lines = [
        "# " + say("title", first=first, last=last),
        "",
        say("lead", first=first, last=last, as_of=as_of),
        "",
    ]
    lines += failures(rows, str(first), len(rows["days"]) - len(days), say)
    closed = [row for row in rows["trades"] if row["currency"] == currency]
    lines += performance(days, closed, str(first), say)
    lines += sessions(days, first, min(last, today - timedelta(days=1)), say)
    lines += trades([row for row in closed if row["session"] >= str(first)], say)
    lines += signals(rows, str(first), say)
    held = [row for row in rows["positions"] if days and row["session"] == days[-1]["session"]]
    lines += positions(held, say)
    lines += ["---", "", say("legend") + "  ", say("paper")]
    return "\n".join(lines) + "\n"


def failures(rows: Mapping[str, list[Row]], first: str, foreign: int, say: Say) -> list[str]:
    """Return what failed; nothing when nothing did."""
    lines = [
        f"- {row['session']} {escaped(row['step'])}: {escaped(row['error'])}"
        for row in rows["failures"]
        if row["session"] >= first
    ]
    if foreign:
        lines.append("- " + say("foreign", count=foreign, currency=say.currency))
    return ["## " + say("failed"), "", *lines, ""] if lines else []


def performance(days: list[Row], closed: list[Row], first: str, say: Say) -> list[str]:
    """Return the figures of the account."""
    start = days[0]["equity"] / (1 + days[0]["total_return"]) if days else None
    before = [row for row in days if row["session"] < first]
    week = [row["equity"] for row in days if row["session"] >= first]
    base = before[-1]["equity"] if before else start
    wins = sum(row["profit"] > 0 for row in closed)
    rate = percent(wins / len(closed), 1) if closed else ""
    this_week = sorted(
        (row for row in closed if row["session"] >= first), key=lambda row: (row["profit"], row["symbol"])
    )
    lowest = deepest([start] + [row["equity"] for row in days]) if start is not None else None
    low = deepest([base, *week]) if week and base is not None else None
    since = f" ({days[0]['session']})" if days else ""
    none = "-" if closed else say("no_trade")
    figures = (
        (say("equity"), say.amount(days[-1]["equity"] if days else None)),
        (say("week_return"), percent(week[-1] / base - 1, signed=True) if week and base else "-"),
        (say("week_profit"), say.amount(week[-1] - base, signed=True) if week and base else "-"),
        (
            say("total_return") + since,
            percent(days[-1]["total_return"] if days else None, signed=True, unknown="-"),
        ),
        (say("max_drawdown"), percent(lowest, unknown="-")),
        (say("week_drawdown"), percent(low, unknown="-")),
        (
            say("win_rate"),
            say("won_of", rate=rate, wins=wins, settled=len(closed)) if closed else say("no_trade"),
        ),
        (say("best"), named(this_week[-1], say) if this_week else none),
        (say("worst"), named(this_week[0], say) if this_week else none),
    )
    return ["## " + say("performance"), ""] + [f"- {name}: {text}" for name, text in figures] + [""]


def named(row: Row, say: Say) -> str:
    """Return a trade by its name and profit."""
    return f"{escaped(row['name'] or row['symbol'])} {say.amount(row['profit'], signed=True)}"


def sessions(days: list[Row], first: date, until: date, say: Say) -> list[str]:
    """Return a line for each session with a row, and name the weekdays without one."""
    week = [row for row in days if row["session"] >= str(first)]
    have = {row["session"] for row in week}
    span = [first + timedelta(days=ahead) for ahead in range((until - first).days + 1)]
    without = [str(day) for day in span if day.weekday() < 5 and str(day) not in have]
    lines = ["## " + say("sessions"), ""]
    if without:
        lines += [say("no_rows", days=", ".join(without)), ""]
    cells = [
        (
            say.day(row["session"]),
            say.amount(row["equity"]),
            percent(row["day_return"], signed=True, unknown="-"),
            escaped(say.term(row["regime"]) or "?"),
            str(row["positions"]),
            str(row["signals"]),
            str(row["filtered"]),
        )
        for row in week
    ]
    return lines + table(say("session_heads"), cells, say("no_sessions"))


def trades(closed: list[Row], say: Say) -> list[str]:
    """Return the trades that were closed in the week."""
    cells = [
        (
            escaped(row["symbol"]),
            escaped(row["name"] or "-"),
            row["session"],
            quantity(row["quantity"]),
            say.amount(row["entry_price"]),
            say.amount(row["exit_price"]),
            say.amount(row["profit"], signed=True),
            percent(row["return_ratio"], signed=True),
            escaped(say.term(row["reason"]) or "-"),
        )
        for row in closed
    ]
    return ["## " + say("trades"), "", *table(say("trade_heads"), cells, say("no_trades"))]


def signals(rows: Mapping[str, list[Row]], first: str, say: Say) -> list[str]:
    """Return how many signals passed and which gate stopped the others."""
    actions = Counter(row["action"] for row in rows["signals"] if row["session"] >= first)
    gates = Counter(row["filter"] for row in rows["filtered"] if row["session"] >= first)
    counted = " · ".join(
        f"{escaped(say.term(gate))} {count}"
        for gate, count in sorted(gates.items(), key=lambda item: (-item[1], item[0]))
    )
    counts = say("counts", buy=actions["buy"], sell=actions["sell"], hold=actions["hold"])
    return [
        "## " + say("signals"),
        "",
        counts,
        "",
        say("gates", gates=counted) if gates else say("no_gates"),
        "",
    ]


def positions(held: list[Row], say: Say) -> list[str]:
    """Return what is held at the last close."""
    cells = [
        (
            escaped(row["symbol"]),
            escaped(row["name"] or "-"),
            quantity(row["quantity"]),
            say.amount(row["average_price"]),
            say.amount(row["price"]),
            say.amount(row["value"]),
            percent(row["weight"], 1),
            say.amount(row["profit"], signed=True),
            percent(row["profit_ratio"], signed=True),
        )
        for row in held
    ]
    return ["## " + say("positions"), "", *table(say("position_heads"), cells, say("no_positions"))]


def week_of(day: date) -> tuple[date, date]:
    """Return Monday and Sunday."""
    first = day - timedelta(days=day.weekday())
    return first, first + timedelta(days=6)


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def options_of(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="The weekly report from the databases.")
    parser.add_argument(
        "--store", type=Path, default=ROOT / "data" / "monitoring", help="folder of the databases"
    )
    parser.add_argument(
        "--reports", type=Path, default=ROOT / "reports" / "weekly", help="where the report goes"
    )
    parser.add_argument("--date", default=None, help="any day of the week, 2025-11-07 (default: today)")
    parser.add_argument("--language", choices=("ko", "en"), default="ko")
    parser.add_argument("--print", action="store_true", dest="printed", help="print it too")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; return the exit code."""
    options = options_of(argv)
    try:
        # The day of the NAS, as its schedule means it.
        today = date.today()  # noqa: DTZ011
        try:
            day = date.fromisoformat(options.date) if options.date else today
        except ValueError:
            raise ReportError(f"{options.date!r} is no day: write it as 2025-11-07") from None
        first, last = week_of(day)
        text = compose(load(options.store, str(last)), first, last, options.language, today)
        path = options.reports / f"{last}-light.md"
        write(path, text)
    except (ReportError, OSError) as error:
        sys.stderr.write(f"weekly_report: {error}\n")
        return 2
    sys.stdout.write(f"{path}\n" + (f"\n{text}" if options.printed else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
