"""The drawn days as the data that the page gets: trouble, calm, nothing yet, Korean, and the odd ones.

The figures are invented, and the same as in the design. Fixed clock times, so that pictures can be compared.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from obs.web.model import (
    Amount,
    ChangeRow,
    Changes,
    Check,
    Fact,
    Figure,
    Issues,
    IssueView,
    Mark,
    Observer,
    Outside,
    Page,
    Rhythm,
    Rich,
    SilenceRow,
    Verdict,
)
from tests.browser import drawn_bots, drawn_issues, drawn_money
from tests.browser.spans import ago, at, clock, code, only, plain, quiet, strong, until

__all__ = [
    "BRIEFING",
    "CALM_BRIEFING",
    "KOREAN_BRIEFING",
    "LOST_AT",
    "NOW",
    "PAGES",
    "WELL_AT",
    "act_now",
    "all_is_well",
    "empty_day",
    "losses",
    "one_bot",
    "views",
    "warnings_only",
]

NOW = at("11:32:08")
LOST_AT = at("11:31:20")
WELL_AT = at("08:12:30")
BRIEFING = """# Verdict: CRITICAL, act now
BTC/USDT long on grid-1 has no stop: 1,240.50
USDT unprotected since 11:26:04 [ev-91c204].
Likely cause: 0.4.3 sends 5 decimals; tick size
is 0.01 [ev-91c1fe].
## Do
1. Place the stop at 87,190.00 (2 min).
2. Roll grid-1 back to 0.4.2 (4 min).
## Left out
3 quiet issues, 212 lines, 1 traceback.
"""
CALM_BRIEFING = """# Verdict: OK (1 s ago)
3 bots live, 4 positions, all protected.
No open issue. 3 quiet.

## Changed since 22:40
resolved iss-b04e at 23:05, not seen since
  (exercised 112 times)
## Left out
3 quiet issues, 212 lines, 1 traceback.
"""
KOREAN_BRIEFING = """# 판정: CRITICAL, 지금 조치
grid-1 BTC/USDT 롱 포지션에 손절 없음:
11:26:04부터 1,240.50 USDT 무방비 [ev-91c204].
추정 원인: 0.4.3이 소수 5자리 전송, 호가 단위
0.01 [ev-91c1fe].
## 할 일
1. 87,190.00에 손절 주문 (2분).
## 생략
조용한 이슈 3건, 212줄, 트레이스백 1건.
"""


def views() -> dict[str, IssueView]:
    """Every drawn issue in full, by its id."""
    return drawn_issues.views()


def act_now(now: int = NOW) -> Page:
    """Three bots in trouble: the first picture of the design."""
    return Page(
        taken_at=now,
        version="0.9.0",
        lang="en",
        zone="KST",
        offset_minutes=540,
        title="Act now. BTC/USDT has no stop-loss.",
        verdict=Verdict(
            mark=Mark.CRITICAL,
            word="Act now.",
            subject="BTC/USDT has no stop-loss.",
            text=(
                strong("1,240.50 USDT unprotected for "),
                ago(drawn_issues.FILLED, strong("").style),
                plain(" on grid-1. Place the stop by hand at 87,190.00, then roll back 0.4.3."),
                plain(" Two more issues need you today."),
            ),
            plan=drawn_issues.BARE,
            amount=Amount("1,240.50", "USDT"),
            tokens=1684,
        ),
        figures=_figures(now),
        exposure=drawn_bots.exposure(),
        bots=drawn_bots.bots(Mark.CRITICAL, Mark.ERROR, Mark.ERROR),
        issues=Issues(
            rows=drawn_issues.rows(),
            quiet=drawn_issues.quiet_rows(),
            checked=now - 1_000,
            order="by money at risk",
        ),
        changes=_changes(),
        rhythm=drawn_bots.rhythm(now, at("09:18:02")),
        pnl=drawn_money.pnl(now),
        llm=drawn_money.llm(now),
        agents=drawn_money.agents(),
        funnel=drawn_money.funnel(),
        outside=_outside(),
        observer=_observer(),
    )


def _outside() -> Outside:
    return Outside(
        channels=(
            Fact(
                label="phone",
                value=(plain("last message "), ago(at("11:26:10"))),
                detail=only("3 sent"),
                mark=Mark.OK,
            ),
            Fact(
                label="mail",
                value=(plain("fails for "), ago(at("10:58:00"))),
                detail=only("12 sent, 2 failed. HTTP 503"),
                mark=Mark.ERROR,
            ),
        ),
        silences=(
            SilenceRow(
                number=4,
                text="news-4, up to Error",
                until=at("18:00:00"),
                detail='minji, "known until the evening"',
            ),
        ),
        silenced="1 open issue is archived by it.",
        telemetry=(Fact(label="Logs", value=only("48,210 sent, 12 wait"), mark=Mark.OK),),
    )


def all_is_well(now: int = WELL_AT) -> Page:
    """Nothing to do: what was checked stands where the issues would."""
    opens = at("09:00:00")
    busy = act_now(now)
    return replace(
        busy,
        title="All is well.",
        verdict=Verdict(
            mark=Mark.OK,
            word="All is well.",
            text=(
                strong("Every position has its stop; 2 bots trade, maps-kr waits for KRX at 09:00."),
                plain(" Last fill "),
                ago(now - 240_000),
                plain(" ago on grid-1. 14 checks passed "),
                ago(now - 1_000),
                plain(" ago; a test alert reached your phone at 06:00."),
            ),
            tokens=412,
        ),
        figures=(
            _figure("unprotected", "Unprotected", "0.00", "USDT", only("4 of 4 stops resting")),
            _figure("open", "Open positions", "1,860.50", "USDT", only("+ 1,420,000 KRW")),
            _figure("pnl", "P&L today", "+10.80", "USDT", (plain("KRX opens in "), until(opens))),
            _figure("llm", "LLM cost today", "1.12", "USD", only("19% of the budget")),
        ),
        exposure=drawn_bots.exposure(well=True),
        bots=drawn_bots.bots(Mark.OK, Mark.OK, Mark.OK),
        issues=Issues(
            quiet=drawn_issues.quiet_rows(),
            checks=_checks(),
            checked=now - 1_000,
            ahead=(plain("Next: KRX opens at 09:00, in "), until(opens)),
        ),
        changes=_calm_changes(),
        rhythm=drawn_bots.calm_rhythm(now),
        pnl=drawn_money.pnl(now, calm=True),
        llm=drawn_money.llm(now, calm=True),
        observer=Observer(
            mark=Mark.OK,
            facts=(
                _fact("Events emitted", "402,118"),
                _fact("Delivered", "402,118"),
                _fact("Lost", "0"),
                *_observer_facts(),
            ),
            line=(only("402,118 events = all delivered, 0 lost"), only("lag 0.2 s"), *_line("+12 ms", 372)),
            version="0.9.0",
        ),
    )


def empty_day(now: int = NOW) -> Page:
    """A bot that has just started: no trade, no LLM, no rhythm, nothing since."""
    grid = act_now(now).bots[:1]
    return Page(
        taken_at=now,
        version="0.9.0",
        lang="en",
        zone="KST",
        offset_minutes=540,
        title="Cannot say. No bot has been seen for long enough.",
        verdict=Verdict(
            mark=Mark.UNKNOWN,
            word="Cannot say.",
            subject="grid-1 was seen for 12 s only.",
            text=only("Its rhythm is known after a few minutes."),
        ),
        figures=(
            _figure("unprotected", "Unprotected", "?", ""),
            _figure("open", "Open positions", "?", ""),
            _figure("pnl", "P&L today", "—", "", only("no trade yet")),
            _figure("llm", "LLM cost today", "—", "", only("no LLM call yet")),
        ),
        bots=(replace(grid[0], mark=Mark.UNKNOWN),),
        changes=Changes(since=now - 60_000, empty="Nothing has changed."),
        rhythm=Rhythm(end=now, empty=only("No rhythm is known yet: it takes a few beats.")),
        pnl=drawn_money.no_pnl(),
        llm=drawn_money.no_llm(),
        agents=replace(drawn_money.agents(), rows=(), empty=only("No agent has been seen.")),
        observer=Observer(mark=Mark.OK, line=(only("12 events = all delivered, 0 lost"),), version="0.9.0"),
    )


def one_bot(now: int = NOW) -> Page:
    """The page for maps-kr alone."""
    busy = act_now(now)
    row = busy.issues.rows[1]
    return replace(
        busy,
        title="Needs you today. maps-kr is alive but useless.",
        verdict=Verdict(
            mark=Mark.ERROR,
            word="Needs you today.",
            subject="maps-kr is alive but useless.",
            text=(
                strong("1,420,000 KRW without exit signals for "),
                ago(row.since, strong("").style),
                plain(". Renew the KRX data session, then restart the feed only."),
            ),
            plan=row.id,
            amount=row.amount,
            tokens=640,
        ),
        exposure=busy.exposure[1:],
        issues=replace(busy.issues, rows=(row, busy.issues.rows[4]), quiet=()),
        rhythm=replace(busy.rhythm, rows=busy.rhythm.rows[1:2]),
        pnl=replace(
            busy.pnl,
            currencies=("KRW",),
            hours={"KRW": busy.pnl.hours["KRW"]},
            days={"KRW": busy.pnl.days["KRW"]},
        ),
        funnel=(drawn_money.no_funnel(),),
    )


def warnings_only(now: int = NOW) -> Page:
    """Nothing that cannot wait."""
    busy = act_now(now)
    return replace(
        busy,
        title="When you can. news-agent repeats itself.",
        verdict=Verdict(
            mark=Mark.WARNING,
            word="When you can.",
            subject="news-agent repeats itself.",
            text=(strong("3.10 USD/h being spent"), plain(" on llm-swing. Cap it at 6 calls an hour.")),
            plan=drawn_issues.NEWS,
            amount=Amount("3.10", "USD/h"),
            tokens=480,
        ),
        exposure=drawn_bots.exposure(well=True),
        bots=drawn_bots.bots(Mark.OK, Mark.WARNING, Mark.WARNING),
        issues=replace(busy.issues, rows=busy.issues.rows[3:]),
        rhythm=drawn_bots.calm_rhythm(now),
    )


def losses(now: int = NOW) -> Page:
    """The observer lost warnings: said where the verdict is."""
    busy = act_now(now)
    alert = (
        strong("212 events were lost between 11:21 and 11:22."),
        plain(" 198 queue full, 14 over quota; 3 of them warnings. Counts for that minute are low."),
    )
    return replace(busy, observer=replace(busy.observer, mark=Mark.ERROR, alert=alert))


def long_texts(now: int = NOW) -> Page:
    """Every text as long as it can come: nothing may overlap or scroll sideways."""
    busy = act_now(now)
    word = "Unbreakable" * 12
    rows = tuple(
        replace(
            row, title=f"{row.title} {word}", todo=f"{row.todo} {word}", service=f"{row.service}-{'x' * 60}"
        )
        for row in busy.issues.rows
    )
    return replace(
        busy,
        verdict=replace(
            busy.verdict,
            subject="The position of a symbol with a very long name has no stop.",
            amount=Amount("999,999,999,999.99999999", "USDT"),
        ),
        figures=tuple(
            replace(figure, amount=Amount("999,999,999.99999999", "USDT")) for figure in busy.figures
        ),
        bots=tuple(replace(busy.bots[0], name=f"bot-{place}-{'long' * 8}") for place in range(12)),
        issues=replace(busy.issues, rows=rows),
        changes=replace(
            busy.changes, rows=tuple(replace(row, text=only(f"{word} {word}")) for row in busy.changes.rows)
        ),
    )


def _korean() -> Page:
    from tests.browser.drawn_korean import act_now_ko

    return act_now_ko()


def _figures(now: int) -> tuple[Figure, ...]:
    return (
        Figure(
            key="unprotected",
            label="Unprotected",
            amount=Amount("1,240.50", "USDT"),
            mark=Mark.CRITICAL,
            more=(plain("1 of 4 positions, "), ago(drawn_issues.FILLED)),
        ),
        _figure("open", "Open positions", "1,860.50", "USDT", only("+ 1,420,000 KRW")),
        _figure("pnl", "P&L today", "+38.40", "USDT", only("−12,400 KRW")),
        _figure("llm", "LLM cost today", "4.86", "USD", only("81% of 6.00 budget")),
    )


def _changes() -> Changes:
    fix = only("Fix for “insufficient balance”: its path has not run")
    deployed = (
        plain("grid-1 "),
        code("0.4.2"),
        plain(" → "),
        code("0.4.3"),
        plain(", 1 min 52 s before the refused stop"),
    )
    listed: tuple[tuple[str, str, Rich, str, str], ...] = (
        ("deployed", "Deployed", deployed, "11:24:12", drawn_issues.BARE),
        ("new", "New", only("BTC/USDT has no stop-loss"), "11:26:04", drawn_issues.BARE),
        ("new", "New", only("news-agent repeats itself"), "11:12:04", drawn_issues.NEWS),
        ("worse", "Worse", only("Bybit private API: 2 → 10 symptoms"), "11:18:05", drawn_issues.BYBIT),
        ("regressed", "Regressed", only("Telegram token in the log again"), "10:42:00", drawn_issues.SECRET),
        ("resolved", "Resolved", only("Clock skew on the NAS, now +38 ms"), "09:02:00", "iss-0c11"),
        ("untried", "Not tried", fix, "", "iss-51fe"),
    )
    money = ChangeRow(kind="pnl", word="P&L", text=only("+21.30 USDT, −9,100 KRW"), value="5 trades")
    return Changes(at("08:10:00"), (*map(_change, listed), money))


def _calm_changes() -> Changes:
    fix = only("Fix for “insufficient balance”: its path has not run")
    deployed = (plain("grid-1 "), code("0.4.3"), plain(" → "), code("0.4.4"))
    listed: tuple[tuple[str, str, Rich, str, str], ...] = (
        ("resolved", "Resolved", only("Bybit private API, after 31 min"), "23:05:00", drawn_issues.BYBIT),
        (
            "resolved",
            "Resolved",
            only("Retry storm on grid-1, path ran 112 times since"),
            "01:17:00",
            "iss-9d02",
        ),
        ("deployed", "Deployed", deployed, "01:02:00", ""),
        ("untried", "Not tried", fix, "", "iss-51fe"),
    )
    rows = [_change(item) for item in listed]
    rows[0] = replace(rows[0], at=at("23:05:00", "2026-11-11"))
    money = ChangeRow(kind="pnl", word="P&L", text=only("+14.90 USDT, 0 KRW"), value="6 trades")
    return Changes(at("22:40:00", "2026-11-11"), (*rows, money))


def _change(item: tuple[str, str, Rich, str, str]) -> ChangeRow:
    kind, word, text, moment, issue = item
    return ChangeRow(kind=kind, word=word, text=text, at=at(moment) if moment else 0, issue=issue)


def _checks() -> tuple[Check, ...]:
    listed = {
        "Every position has a resting stop": "4 / 4",
        "Balances match the exchange": "",
        "One writer per account": "3 / 3",
        "Daily loss below the limit": "0.4% / 3%",
        "No order older than 10 min": "2 open",
        "Ticks on cadence": "2 / 2",
        "Candles on cadence": "2 / 2",
        "Signals within their range": "2 / 2",
        "LLM answers whole and varied": "62 today",
        "Calendar known": "KRX 09:00",
        "Clock": "+12 ms",
        "Request weight": "31%",
        "Disk": "18 days left",
        "No secret in the log": "0",
    }
    return tuple(
        Check(text, only(value) if value else (clock(at("08:10:00")),)) for text, value in listed.items()
    )


def _observer() -> Observer:
    return Observer(
        mark=Mark.WARNING,
        facts=(
            _fact("Events emitted", "1,204,331"),
            _fact("Delivered", "1,204,119"),
            Fact(
                label="Lost",
                value=(strong("212"),),
                detail=(quiet("queue full 198, quota 14; all DEBUG"),),
                mark=Mark.WARNING,
            ),
            *_observer_facts(),
        ),
        line=(
            (
                plain("1,204,331 events = 1,204,119 delivered + "),
                strong("212 lost"),
                plain(" (198 queue full 11:21, 14 quota)"),
            ),
            only("lag 0.2 s"),
            *_line("+38 ms", 412),
        ),
        version="0.9.0",
    )


def _observer_facts() -> tuple[Fact, ...]:
    return (
        _fact("Behind the bots", "0.2 s"),
        Fact(label="Cost to the bots", value=only("0.4 µs"), detail=(quiet("per record"),)),
        Fact(label="Disk", value=only("142 of 512 MB"), detail=(quiet("18 days left"),)),
    )


def _line(skew: str, weight: int) -> tuple[Rich, ...]:
    return (
        only(f"clock {skew}"),
        only(f"weight {weight}/1,200"),
        only("disk 142/512 MB, 18 days"),
        only("alerts tested 06:00"),
    )


def _figure(key: str, label: str, amount: str, currency: str, more: Rich = ()) -> Figure:
    return Figure(key=key, label=label, amount=Amount(amount, currency), more=more)


def _fact(label: str, value: str) -> Fact:
    return Fact(label=label, value=only(value))


PAGES: dict[str, Callable[[], Page]] = {
    "act_now": act_now,
    "all_is_well": all_is_well,
    "empty_day": empty_day,
    "one_bot": one_bot,
    "warnings_only": warnings_only,
    "losses": losses,
    "long_texts": long_texts,
    "korean": _korean,
}
"""Every drawn state by name."""
