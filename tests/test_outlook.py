"""Money, funnel and may I restart: what is known is said, what is not known is said to be unknown."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from obs.analysis import Analyzer
from obs.events import Severity
from obs.page.pages import funnel_of
from obs.page.phrasebook import words_of
from obs.rules import RuleSet
from obs.snapshot import Snapshot
from tests.builders import event

HELD = {"position.id": "p-1", "symbol": "ETH/USDT", "position.quantity": "2", "position.average_price": "100"}
RESULT = {"pnl.net": "12.5", "currency": "USDT"}
ORDER = {
    "order.id": "o-1",
    "symbol": "ETH/USDT",
    "order.quantity": "2",
    "order.price": "100",
    "currency": "USDT",
}


def after(*words: tuple[str, Mapping[str, object]], bot: str = "grid-1", mode: str = "live") -> Snapshot:
    """Return the picture after a bot has said these words, a second apart."""
    analyzer = Analyzer(RuleSet(()))
    say(analyzer, *words, bot=bot, mode=mode)
    return analyzer.snapshot()


def say(analyzer: Analyzer, *words: tuple[str, Mapping[str, object]], bot: str, mode: str = "live") -> None:
    for at, (name, attributes) in enumerate(words):
        shared = {"run.mode": mode} if mode else {}
        analyzer.feed(
            event(name, at=at, name=name, bot=bot, attributes={**shared, **attributes}, uid=f"{bot}-{at}")
        )


def test_an_open_position_is_told_with_its_worth_and_no_restart_is_advised() -> None:
    snapshot = after(("position.opened", {**HELD, "currency": "USDT"}))

    assert snapshot.money_lines[0] == "holds 2 ETH/USDT at 100 (200.00 USDT), stop not known."
    assert snapshot.restart == "grid-1 **no**: open positions, look at the exchange first."


def test_simulated_money_is_called_so_and_stops_no_restart() -> None:
    snapshot = after(("position.opened", {**HELD, "currency": "USDT"}), mode="paper")

    assert snapshot.mode == "dry run"
    assert snapshot.money_lines[0].startswith("dry run, no real funds. Simulated: holds 2 ETH/USDT")
    assert snapshot.restart.startswith("safe (dry run)")


def test_a_bot_that_closed_all_it_opened_may_be_started() -> None:
    result = {"position.id": "p-1", "pnl.net": "12.5", "currency": "USDT"}

    snapshot = after(("position.opened", HELD), ("trade.closed", result))

    assert snapshot.restart == "grid-1 flat, safe."
    assert snapshot.money_lines == ("Results: grid-1 1 closed trade, 1 won, 12.50 USDT.",)


def test_without_a_word_of_positions_nothing_is_promised() -> None:
    snapshot = after(("heartbeat", {"bot.state": "running"}), mode="")

    assert snapshot.money_lines == ("unknown, no order or position events; treat as live.",)
    assert snapshot.restart.startswith("not known: no position events")


def test_orders_alike_are_told_once_with_their_number() -> None:
    many = [("order.submitted", {**ORDER, "order.id": f"o-{number}"}) for number in range(3)]

    snapshot = after(*many)

    assert snapshot.money_lines[0] == "3 orders not filled (ETH/USDT 200.00 USDT 3×)."


def test_a_call_that_cost_less_than_a_cent_did_not_cost_nothing() -> None:
    call = {"gen_ai.agent.name": "news", "llm.cost": "0.00273", "currency": "USD"}

    snapshot = after(("llm.called", call))

    assert any("LLM cost of grid-1 news 0.0027 USD" in line for line in snapshot.money_lines)


def test_orders_that_may_still_fill_are_told_at_the_restart() -> None:
    snapshot = after(("order.submitted", ORDER))

    assert snapshot.money_lines[0] == "1 order not filled (ETH/USDT 200.00 USDT)."
    assert "1 order may rest at the exchange and fill meanwhile" in snapshot.restart


def test_results_of_two_currencies_are_never_added() -> None:
    won = {"trade.id": "t-1", "pnl.net": "10", "currency": "USDT"}
    lost = {"trade.id": "t-2", "pnl.net": "-20000", "currency": "KRW"}

    (line,) = after(("trade.closed", won), ("trade.closed", lost)).money_lines

    assert line == (
        "Results: grid-1 1 closed trade, 0 won, −20,000.00 KRW; grid-1 1 closed trade, 1 won, 10.00 USDT."
    )


def test_one_live_bot_among_simulated_ones_makes_the_page_speak_of_live_money() -> None:
    analyzer = Analyzer(RuleSet(()))
    say(analyzer, ("position.opened", HELD), bot="paper-1", mode="paper")
    say(analyzer, ("position.opened", HELD), bot="real-1", mode="live")

    snapshot = analyzer.snapshot()

    assert snapshot.mode == "live"
    assert "paper-1 (simulated) holds" in snapshot.money_lines[0]
    assert "; real-1 holds" in snapshot.money_lines[0]
    assert snapshot.restart == "real-1 **no**: open positions, look at the exchange first."


def test_a_backtest_beside_a_bot_is_no_money() -> None:
    analyzer = Analyzer(RuleSet(()))
    say(analyzer, ("position.opened", HELD), bot="grid-1", mode="backtest")

    assert analyzer.snapshot().money_lines == ("backtest: no real funds, nothing at risk.",)


def test_the_funnel_tells_no_decisions_where_none_were_told() -> None:
    signal = {"signal.id": "g-1", "symbol": "ETH/USDT"}

    snapshot = after(("signal.generated", signal), ("order.submitted", ORDER))

    assert snapshot.funnel is not None
    assert snapshot.funnel.stages == (("signals", 1), ("orders", 1), ("fills", 0))


def test_the_stops_of_a_position_are_no_steps_from_signal_to_fill() -> None:
    signal, decision = {"signal.id": "g-1", "symbol": "ETH/USDT"}, {"decision.id": "d-1"}
    stop = {**ORDER, "order.id": "o-2", "order.type": "stop_market", "order.stop_price": "90"}

    snapshot = after(
        ("signal.generated", signal),
        ("decision.made", decision),
        ("order.submitted", ORDER),
        ("order.filled", ORDER),
        ("order.submitted", stop),
        ("order.rejected", stop),
        ("order.canceled", stop),
        ("order.filled", stop),
    )

    assert snapshot.funnel is not None
    assert snapshot.funnel.stages == (("signals", 1), ("decisions", 1), ("orders", 1), ("fills", 1))
    assert snapshot.funnel.stopped == ()
    assert funnel_of(snapshot, words_of("en")) == "1 signals → 1 decisions → 1 orders → 1 fills"


def test_a_program_that_only_starts_bots_makes_no_money_look_real() -> None:
    analyzer = Analyzer(RuleSet(()))
    say(
        analyzer, ("position.opened", HELD), ("trade.closed", {**HELD, **RESULT}), bot="paper-1", mode="paper"
    )
    say(analyzer, ("process.started", {}), bot="starter", mode="")

    lines = analyzer.snapshot().money_lines

    assert "(simulated)" not in "".join(lines)
    assert lines[-1].startswith("Simulated results: paper-1 1 closed trade")


@pytest.mark.parametrize(
    ("average", "shown"),
    [("6838.35666667", "6838.36"), ("0.0000123456789", "0.0000123457"), ("95123.4", "95123.4")],
)
def test_an_average_price_is_told_in_the_digits_that_matter(average: str, shown: str) -> None:
    held = {**HELD, "position.average_price": average, "currency": "USDT"}

    snapshot = after(("position.opened", held))

    assert f"ETH/USDT at {shown} (" in snapshot.money_lines[0]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"process.exit_code": 0}, "ended normally"),
        ({"process.exit_code": 7}, "ended with exit code 7"),
        ({"process.signal": "SIGKILL"}, "ended by SIGKILL"),
        ({"process.signal": "SIGKILL", "process.oom": True}, "killed: out of memory"),
        ({"process.clean": False}, "ended without a last word: killed, crashed or left abruptly"),
    ],
)
def test_how_a_process_ended_is_said_in_one_sentence(end: dict[str, object], words: str) -> None:
    snapshot = after(("heartbeat", {}), ("process.exited", end))

    assert [one.reason for one in snapshot.ends] == [words]
    assert snapshot.phase.startswith(f"grid-1 {words} at 10:00:01")


def test_what_never_ran_is_named_so_that_silence_is_no_praise() -> None:
    missing = after(("order.submitted", ORDER)).not_exercised

    assert {"order fills", "exits with a result", "stop orders"} <= set(missing)


def test_an_end_while_a_stop_rests_at_the_exchange_is_no_danger_of_its_own() -> None:
    stop = {"order.id": "s-1", "order.type": "stop_market", "position.id": "p-1", "order.side": "sell"}
    analyzer = Analyzer(RuleSet(()))
    say(analyzer, ("position.opened", HELD), ("order.accepted", stop), bot="grid-1")
    killed = {"process.signal": "SIGKILL"}
    analyzer.feed(
        event("", at=9, name="process.exited", bot="grid-1", severity=Severity.FATAL, attributes=killed)
    )

    titles = [issue.title for issue in analyzer.snapshot().issues]

    assert titles == ["The bot ended by SIGKILL"]
