"""The five drawn issues, as rows of the list and in full."""

from __future__ import annotations

from obs.web.model import (
    Amount,
    Badge,
    Fact,
    Incident,
    IssueRow,
    IssueView,
    Mark,
    MergedRow,
    Quoted,
    Rich,
    Step,
    StoryRow,
    Symptom,
)
from tests.browser.spans import ago, at, code, only, plain, quiet, strong

__all__ = ["BARE", "BYBIT", "FEED", "NEWS", "SECRET", "quiet_rows", "rows", "views"]

BARE, FEED, BYBIT, NEWS, SECRET = "iss-7f3a", "iss-2c91", "iss-b04e", "iss-e5d0", "iss-41bb"
FILLED = at("11:26:04")
GAVE_UP = "gave up: “stop not placed after 3 tries, continuing without”"
SINCE_THEN = "2 heartbeats a minute, the bot says RUNNING, position open"


def rows() -> tuple[IssueRow, ...]:
    """All open issues by the money at risk."""
    return (
        IssueRow(
            id=BARE,
            mark=Mark.CRITICAL,
            title="BTC/USDT has no stop-loss: the exchange refused it",
            service="grid-1",
            todo="3-step plan, 8 min. Cause: 0.4.3 sends 5 decimals, the tick is 0.01",
            bars=_bars({19: 4}),
            life=Badge("New", is_loud=True),
            count=4,
            amount=Amount("1,240.50", "USDT"),
            why_money="unprotected",
            since=FILLED,
            last=at("11:26:17"),
        ),
        IssueRow(
            id=FEED,
            mark=Mark.ERROR,
            title="Alive but useless: no candle for 2 h 14 min while KRX is open",
            service="maps-kr",
            todo="Renew the KRX data session, then restart the feed only",
            bars=_bars(dict.fromkeys(range(2, 20), 7)),
            life=Badge("Ongoing"),
            count=134,
            amount=Amount("1,420,000", "KRW"),
            why_money="no exit signals",
            since=at("09:18:02"),
            last=at("11:32:00"),
        ),
        IssueRow(
            id=BYBIT,
            mark=Mark.ERROR,
            title="Bybit private API is failing: one incident, 10 symptoms",
            service="llm-swing",
            todo="Nothing to fix in your code; pause entries until it clears",
            bars=_bars({17: 24, 18: 70, 19: 120}),
            life=Badge("Escalating", is_loud=True),
            count=214,
            amount=Amount("620.00", "USDT"),
            why_money="stops resting",
            since=at("11:18:05"),
            last=at("11:32:07"),
            symptoms=10,
        ),
        IssueRow(
            id=NEWS,
            mark=Mark.WARNING,
            title="news-agent repeats itself: 41 near-identical calls in 20 min",
            service="llm-swing",
            todo="Cap news-agent at 6 calls an hour; budget ends at 11:54",
            bars=_bars({16: 5, 17: 8, 18: 12, 19: 16}),
            life=Badge("New", is_loud=True),
            count=41,
            amount=Amount("3.10", "USD/h"),
            why_money="being spent",
            since=at("11:12:04"),
            last=at("11:32:01"),
        ),
        IssueRow(
            id=SECRET,
            mark=Mark.WARNING,
            title="A secret was logged: Telegram bot token, masked, 3 times",
            service="maps-kr",
            todo="Rotate the token; masking hides it but it is already out",
            bars=_bars({12: 1, 15: 1, 18: 1}),
            life=Badge("Regressed", is_loud=True),
            count=3,
            amount=Amount("—"),
            why_money="no money behind it",
            since=at("10:42:00"),
            last=at("11:31:58"),
        ),
    )


def quiet_rows() -> tuple[IssueRow, ...]:
    """Those that have not recurred today."""
    titles = (
        ("iss-0c11", "Clock skew on the NAS"),
        ("iss-51fe", "Insufficient balance for ETH/USDT"),
        ("iss-9d02", "Retry storm on grid-1"),
    )
    return tuple(
        IssueRow(
            id=key,
            mark=Mark.WARNING,
            title=title,
            service="grid-1",
            life=Badge("Quiet"),
            count=3,
            since=at("02:00:00"),
            last=at("02:10:00"),
        )
        for key, title in titles
    )


def views() -> dict[str, IssueView]:
    """Every issue in full; the incident among them."""
    listed = {row.id: row for row in rows()}
    short = {
        key: IssueView(row=row, category="DATA", severity="Error", steps=(Step(text=only(row.todo)),))
        for key, row in listed.items()
    }
    return {**short, BARE: _bare(listed[BARE]), BYBIT: _bybit(listed[BYBIT])}


def _bare(row: IssueRow) -> IssueView:
    return IssueView(
        row=row,
        category="EXCHANGE",
        severity="Critical",
        minutes="about 8 min in all",
        merged=(
            MergedRow(
                id="iss-9d20",
                title="Stop order rejected: price not on the tick",
                count=3,
                last=at("11:26:19"),
                decided="merged by minji: the same fault",
            ),
        ),
        steps=(
            Step(
                text=(
                    strong("Place the stop by hand"),
                    plain(" in the Binance app: sell-stop 0.0138 BTC at "),
                    strong("87,190.00"),
                    plain(", or close the position."),
                ),
                minutes="2 min",
                gate="moves money",
                is_grave=True,
            ),
            Step(
                text=(
                    strong("Roll grid-1 back to 0.4.2."),
                    plain(
                        " Safe to restart: its one open sell order rests on the exchange, no exit is pending."
                    ),
                ),
                minutes="4 min",
                gate="restarts the bot",
                command="git revert 5e1c0d9",
            ),
            Step(
                text=(
                    strong("Round stop prices to the tick"),
                    plain(" before sending: "),
                    code("orders.py:214"),
                    plain(" passes 87190.00417, the tick is 0.01. "),
                    quiet("ev-91c1fe"),
                ),
                minutes="2 min",
                gate="changes code",
            ),
        ),
        story=_story(),
        story_note="order 42, 9 of 9 events",
        evidence=(
            _quoted(
                "ev-91c204", "exchange text", '{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}', out=True
            ),
            _quoted(
                "ev-91c1fe", "bot log", "order.submitted order.id=42 symbol=BTC/USDT order.price=87190.00417"
            ),
            _quoted(
                "ev-91c204",
                "traceback",
                "orders.py:214 place_stop → self.exchange.create_order(…, price)",
                "ccxt.InvalidOrder · 6 library frames folded",
            ),
        ),
        evidence_note="3 of 4",
        money=(
            _fact("Unprotected", "1,240.50 USDT", Mark.CRITICAL),
            Fact(label="for", value=(ago(FILLED),)),
            _fact("Position", "0.0138 BTC long"),
            _fact("Entry", "89,891.30"),
            _fact("Now", "90,102.00 (+2.91 USDT)"),
            _fact("Meant stop", "87,190.00"),
            Fact(label="If it falls 5%", value=(strong("−62.17 USDT"),)),
            _fact("with the stop", "−40.19 USDT"),
        ),
        before=(
            strong("grid-1 0.4.2 → 0.4.3"),
            plain(" at 11:24:12 “quantise prices in one place”, 3 files. 1 min 52 s before."),
        ),
        life=(
            (FILLED, (strong("New"), plain(" first seen, 1.4 s after the fill"))),
            (at("11:26:05"), (strong("Alerted"), plain(" Telegram, delivered in 0.8 s"))),
            (0, (strong("Fixed when"), plain(" the next 3 stops are accepted: 0 of 3 so far"))),
            (0, (quiet("Seen before: never, in 214 days."),)),
        ),
        grouped=(
            _fact("By", "exception + own frame"),
            Fact(label="Type", value=(code("ccxt.InvalidOrder"),)),
            Fact(label="Frame", value=(code("orders.py:place_stop"),)),
            _fact("Ignored", "order id, price, time"),
            Fact(label="Key", value=(code("9b1e·44d2"),)),
        ),
        tokens=612,
    )


def _story() -> tuple[StoryRow, ...]:
    told: tuple[tuple[str, int, Rich, str], ...] = (
        (
            "11:24:12.000",
            -112_000,
            (plain("grid-1 started, "), code("0.4.3"), plain(", config "), code("a41f")),
            "ev-91bb70",
        ),
        ("11:26:01.900", -2_100, only("decision: buy, score 0.71 over threshold 0.60"), "ev-91c1e0"),
        ("11:26:02.600", -1_400, only("buy 0.0138 BTC filled at 89,891.30, 1,240.50 USDT"), "ev-91c1f2"),
        ("11:26:03.400", -600, only("stop submitted: sell-stop 0.0138 at 87190.00417"), "ev-91c1fe"),
        ("11:26:04.000", 0, only("Stop refused: -1013 Filter failure: PRICE_FILTER"), "ev-91c204"),
        ("11:26:05.000", 1_000, only("retry 1 refused, same price"), "ev-91c211"),
        ("11:26:09.100", 5_100, only("retry 2 refused, same price"), "ev-91c22a"),
        ("11:26:17.700", 13_700, only(GAVE_UP), "ev-91c240"),
        ("11:32:05.020", 361_020, (quiet(SINCE_THEN),), "ev-91d8c0"),
    )  # fmt: skip
    return tuple(
        StoryRow(
            at=at(moment),
            offset=offset,
            text=text,
            id=key,
            badge=Badge("changed", is_loud=True) if key == "ev-91bb70" else None,
            is_it=offset == 0,
        )
        for moment, offset, text, key in told
    )


def _bybit(row: IssueRow) -> IssueView:
    began, start = at("11:18:31"), at("11:12:00")
    listed = (
        (Mark.ERROR, "order.rejected timeout after 10000 ms", "bot.execution", 112),
        (Mark.ERROR, "GET /v5/position/list 503", "bybit.client", 41),
        (Mark.WARNING, "positions not reconciled for 12 min", "reconciler", 12),
        (Mark.WARNING, "retry budget spent, circuit half-open", "bybit.client", 11),
        (Mark.WARNING, "loop took 10.4 s, expected 1 s", "scheduler", 10),
        (Mark.WARNING, "order.expired before acceptance", "bot.execution", 9),
        (Mark.WARNING, "llm.called with stale position context", "risk_agent", 8),
        (Mark.WARNING, "balance older than 10 min", "portfolio", 6),
        (Mark.ERROR, "websocket auth refused, private stream", "bybit.ws", 4),
        (Mark.WARNING, "heartbeat late by 9 s", "llm-swing", 1),
    )
    return IssueView(
        row=row,
        category="EXCHANGE",
        severity="Error",
        steps=(
            Step(text=(strong("Do not change code."), plain(" Wait, or pause entries on llm-swing."))),
            Step(text=only("If you must exit, use the Bybit app.")),
            Step(text=only("obs resolves this by itself when 20 calls in a row pass; 0 so far.")),
        ),
        do_not="change code",
        money=(
            Fact(label="Open", value=(strong("620.00 USDT"),)),
            _fact("Protected", "yes, both stops rest on Bybit"),
            _fact("Cannot", "exit at market, move stops"),
        ),
        incident=Incident(
            cause=(
                plain("Every call to "),
                code("/v5/order"),
                plain(" and "),
                code("/v5/position"),
                plain(
                    " times out or answers 503, from 3 components and 4 symbols at once; public market data "
                    "is fine, and Binance is fine over the same network. "
                ),
                quiet("So it is the exchange, not the key, the network or the bot."),
            ),
            where="not your code",
            told_apart=(
                _fact("Other exchange", "Binance answers in 84 ms"),
                _fact("Public data", "flows, 0.8 s old"),
                _fact("Key", "no 401 or 403"),
                _fact("Clock", "+38 ms"),
            ),
            symptoms=tuple(
                Symptom(
                    mark=mark,
                    title=title,
                    component=component,
                    bars=_since_began(count),
                    count=count,
                    id=f"iss-b04e-{place}",
                )
                for place, (mark, title, component, count) in enumerate(listed)
            ),
            start=start,
            began=began,
            end=at("11:32:08"),
        ),
        tokens=540,
    )


def _since_began(count: int) -> tuple[int, ...]:
    """A count spread over the 60 parts of the axis that lie after the cause."""
    quiet_bars = 20
    room = 60 - quiet_bars
    bars = [0] * 60
    if count >= room:
        bars[quiet_bars - 1 :] = [max(1, count // room)] * (room + 1)
    else:
        for number in range(count):
            bars[59 - number * (room - 8) // count] += 1
    return tuple(bars)


def _quoted(key: str, kind: str, *lines: str, out: bool = False) -> Quoted:
    return Quoted(id=key, at=FILLED, kind=Badge(kind, is_foreign=out), lines=lines)


def _fact(label: str, value: str, mark: Mark | None = None) -> Fact:
    return Fact(label=label, value=only(value), mark=mark)


def _bars(seen: dict[int, int]) -> tuple[int, ...]:
    return tuple(seen.get(place, 0) for place in range(20))
