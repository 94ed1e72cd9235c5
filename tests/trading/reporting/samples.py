"""One report of each kind with everything in it, and what is foreign in it hostile."""

from __future__ import annotations

from datetime import date

from trading.bars import time_of
from trading.reporting.facts import (
    NONE,
    AccountFacts,
    ActionFacts,
    BacktestFacts,
    ClosedDay,
    DailyFacts,
    DayFacts,
    FailureFacts,
    FillFacts,
    FilteredFacts,
    FindingFacts,
    PositionFacts,
    SessionHours,
    SignalFacts,
    TradeFacts,
    WeeklyFacts,
    WindowFacts,
)

HOSTILE = "<img src=x onerror=alert(1)> [a](http://evil.example) |`*_#\n\x00\u202e www.evil.example \"'&amp;"

HELD = PositionFacts(
    symbol="069500",
    name=HOSTILE,
    quantity=120.0,
    average_price=31250.0,
    price=33105.0,
    value=3972600.0,
    weight=0.3321,
    profit=222600.0,
    profit_ratio=0.0594,
    opened=date(2025, 8, 4),
)
UNKNOWN = PositionFacts(symbol="133690", quantity=10.0)
CURVE = tuple((time_of(date(2025, 10, day)), 1e7 + 1e5 * (day % 5)) for day in range(1, 31))

DAILY = DailyFacts(
    as_of=date(2025, 11, 6),
    currency="KRW",
    made=1762412345 * 10**9,
    calendar="XKRX",
    strategy=HOSTILE,
    source="krx",
    instruments=24,
    without_bar=("133690",),
    regime="volatile",
    regime_before="bull",
    account=AccountFacts(
        equity=11889581.0,
        cash=6193000.0,
        day_profit=-34120.0,
        day_return=-0.0029,
        total_return=0.0,
        drawdown=-0.0312,
        fees=None,
    ),
    positions=(HELD, UNKNOWN),
    signals=(
        SignalFacts(
            symbol="229200", action="hold", confidence=0.5, weight=NONE, price=12005.0, score=0.0, rsi=None
        ),
        SignalFacts(
            symbol="069500",
            name="KODEX 200",
            action="buy",
            confidence=0.753,
            weight=0.15,
            price=30500.0,
            score=5.23,
            rsi=45.2,
            reason=HOSTILE,
        ),
    ),
    filtered=(
        FilteredFacts(symbol="091160", action="buy", filter="confidence", value=0.41, threshold=0.5),
        FilteredFacts(symbol="305720", action="buy", filter="correlation", value=0.83, threshold=0.8),
        FilteredFacts(symbol="X", action="buy", filter=HOSTILE, value=None, threshold=NONE),
    ),
    actions=(
        ActionFacts(
            symbol="360750",
            kind="close",
            quantity=85.0,
            price=21010.0,
            weight_before=0.1493,
            weight_after=0.0,
            reason="stop_loss",
        ),
        ActionFacts(symbol="133690", kind="keep", quantity=0.0),
    ),
    fills=(FillFacts(symbol="069500", side="buy", quantity=20.0, price=33010.0, fee=99.0, profit=NONE),),
    findings=(FindingFacts(symbol="305720", kind="not_positive", action="dropped", count=2, detail=HOSTILE),),
    failures=(FailureFacts(step="notification", error=HOSTILE),),
    missed=(date(2025, 11, 5),),
    equity=CURVE,
    next_session=date(2025, 11, 7),
)

CLOSED = TradeFacts(
    symbol="360750",
    name=HOSTILE,
    entry_time=time_of(date(2025, 9, 30)),
    exit_time=time_of(date(2025, 11, 7)),
    quantity=85.0,
    entry_price=21990.0,
    exit_price=21010.0,
    profit=-83300.0,
    return_ratio=-0.0446,
    reason="stop_loss",
)

WEEKLY = WeeklyFacts(
    first=date(2025, 11, 3),
    last=date(2025, 11, 9),
    as_of=date(2025, 11, 7),
    currency="KRW",
    calendar="XKRX",
    week_return=0.0132,
    week_profit=135000.0,
    since=date(2025, 1, 2),
    total_return=0.19,
    max_drawdown=-0.082,
    week_drawdown=0.0,
    days=(
        DayFacts(
            day=date(2025, 11, 3),
            equity=1.2e7,
            day_return=0.001,
            regime="bull",
            positions=3,
            signals=0,
            filtered=2,
        ),
        DayFacts(day=date(2025, 11, 4)),
    ),
    trades=(CLOSED,),
    settled=7,
    wins=4,
    signals={"buy": 12, "hold": 20},
    filtered={"confidence": 9, HOSTILE: 2},
    changes=(ActionFacts(symbol="069500", kind="open", quantity=1.0, weight_before=0.0, weight_after=0.05),),
    positions=(HELD,),
    account=DAILY.account,
    equity=CURVE,
    failures=(FailureFacts(step="signals", error=HOSTILE, day=date(2025, 11, 4)),),
    next_sessions=(
        SessionHours(day=date(2025, 11, 13), opens="10:00", closes="16:30", note="special hours"),
    ),
    closed_days=(ClosedDay(day=date(2025, 11, 12), reason=HOSTILE),),
)

BACKTEST = BacktestFacts(
    strategy=HOSTILE,
    symbols=("SPY", HOSTILE),
    currency="USD",
    first=CURVE[0][0],
    last=CURVE[-1][0],
    bars=60,
    cash=1e7,
    fee=0.00015,
    slippage=0.0005,
    parameters={"fast": 20, "name": HOSTILE, "is_on": True, "share": 0.1},
    data_hash="9f" * 32,
    sources=("files",),
    equity=CURVE,
    benchmark=CURVE,
    trades=(
        CLOSED,
        TradeFacts(symbol="SPY", entry_time=CURVE[3][0], quantity=1.0, entry_price=100.0, profit=1.0),
    ),
    total_return=0.0,
    cagr=0.087,
    volatility=0.158,
    sharpe=NONE,
    sortino=0.9,
    calmar=None,
    max_drawdown=-0.0369,
    fees=12.5,
    exposure=0.54,
    turnover=3.2,
    windows=(
        WindowFacts(
            train_first=CURVE[0][0],
            train_last=CURVE[9][0],
            test_first=CURVE[10][0],
            test_last=CURVE[19][0],
            train_score=1.2,
            test_score=NONE,
            test_return=0.03,
            parameters={"fast": 10},
        ),
    ),
    warnings=(HOSTILE,),
    seconds=1.234,
)
