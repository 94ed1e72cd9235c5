"""Lines of other people's bots become our event words: right for each, and nothing else is taken for one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from obs.adapters import Adapters, Line
from obs.analysis import Analyzer, analyze
from obs.books import WRITERS, BotFacts
from obs.events import Severity
from obs.rules import RuleSet
from obs.snapshot import Snapshot
from obs.sources import read
from tests.builders import event

ADAPTERS = Adapters.load()
TRADE = (
    "Trade(id={id}, pair={pair}, amount={amount}, is_short={short}, leverage=1, open_rate=0.1, open_since=x)"
)


def trade(*, number: int = 1, pair: str = "ETH/BTC", amount: str = "2", short: bool = False) -> str:
    """Return a trade as freqtrade prints it."""
    return TRADE.format(id=number, pair=pair, amount=amount, short=short)


def freqtrade(*lines: tuple[str, str], at: float = 0) -> BotFacts:
    """Return what is known of a bot that printed these lines of (module, message)."""
    return analyzed(*lines, at=at).state.books.bots["bot-1"]


def analyzed(*lines: tuple[str, str], at: float = 0) -> Analyzer:
    """Return the analyzer of a bot that printed these lines of (module, message)."""
    analyzer = Analyzer()
    for number, (module, body) in enumerate(lines):
        analyzer.feed(event(body, at=at + number, logger=f"freqtrade.{module}"))
    return analyzer


def filled(*, side: str = "Long", amount: str = "2", more: bool = False) -> tuple[str, str]:
    """Return the message after an entry's fill as freqtrade logs it; `more` adds to what it holds."""
    return said(
        "entry_fill",
        direction=f"'{side}'",
        open_rate="0.1",
        stake_currency="'BTC'",
        amount=amount,
        sub_trade=str(more),
    )


def said(kind: str, pair: str = "ETH/BTC", **more: str) -> tuple[str, str]:
    """Return a message to the operator as freqtrade logs it."""
    rest = "".join(f", '{key}': {value}" for key, value in more.items())
    text = f"{{'type': {kind}, 'trade_id': 1, 'exchange': 'Binance', 'pair': '{pair}'{rest}}}"
    return "rpc.rpc_manager", f"Sending rpc message: {text}"


@pytest.mark.parametrize(
    ("program", "line"), ADAPTERS.lines, ids=lambda v: v.event if isinstance(v, Line) else v
)
def test_each_line_of_an_adapter_means_what_its_example_says(program: str, line: Line) -> None:
    owner = next(p for p in ADAPTERS.programs if p.program == program)
    attributes = {owner.attribute: "TRADER-001"} if owner.attribute else {}

    found = ADAPTERS.translate(event(line.example, logger=line.logger or "Any", attributes=attributes))

    assert found.event_name == line.event
    assert found.attributes["bot.program"] == program
    wanted = {name.replace("__", ".") for name in re.compile(line.pattern).groupindex} - {"run.mode"}
    optional = {"http.response.status_code", "bot.state.previous", "order.stake", "position.id"}
    assert wanted - optional <= set(found.attributes)


def test_every_word_of_an_adapter_is_one_that_the_books_keep() -> None:
    assert {line.event for _, line in ADAPTERS.lines} <= set(WRITERS)


def test_an_answered_question_to_a_model_is_a_call_that_bears_no_price() -> None:
    analyzer = Analyzer(RuleSet(()))
    answers = ("200 OK", "200 OK", "429 Too Many Requests")
    for number, answer in enumerate(answers):
        body = f'HTTP Request: POST https://api.openai.com/v1/chat/completions "HTTP/1.1 {answer}"'
        analyzer.feed(event(body, at=number, logger="httpx"))

    bot = analyzer.state.books.bots["bot-1"]

    assert bot.llm["api.openai.com"].calls.count == 2
    assert (bot.calls["api.openai.com"].ok.count, bot.calls["api.openai.com"].failed.count) == (2, 1)
    assert "Cost of 2 LLM calls: unpriced." in analyzer.snapshot().not_known


def test_calls_that_an_agent_prices_itself_are_not_called_unpriced() -> None:
    analyzer = Analyzer(RuleSet(()))
    own = {"gen_ai.agent.name": "news", "llm.cost": "0.1", "llm.cost_currency": "USD"}
    body = 'HTTP Request: POST https://api.openai.com/v1/responses "HTTP/1.1 200 OK"'
    analyzer.feed(event(body, logger="httpx"))
    analyzer.feed(event("asked", at=1, name="gen_ai.client.inference.operation.details", attributes=own))

    assert not [line for line in analyzer.snapshot().not_known if "unpriced" in line]


def test_another_path_of_a_web_service_asks_no_model() -> None:
    for url in ("http://127.0.0.1:8000/api/chat", "https://api.openai.com/v1/models", "https://x.io/invoke"):
        found = ADAPTERS.translate(event(f'HTTP Request: POST {url} "HTTP/1.1 200 OK"', logger="httpx"))
        assert found.event_name == "api.requested", url


def test_a_harmless_line_is_taken_for_nothing_bad(corpus: Path) -> None:
    bad = {"order.rejected", "order.denied", "order.expired", "notification.failed", "trade.closed"}

    found = [ADAPTERS.translate(record) for record in read(corpus / "harmless_dev.txt", letter="a")]

    assert {f.event_name for f in found} >= {"heartbeat", "api.requested", "bot.configured"}
    assert not [f.body for f in found if f.event_name in bad]
    assert all(
        str(f.attributes["http.response.status_code"]) < "400"
        for f in found
        if f.event_name == "api.requested"
    )


def test_a_line_of_another_program_stays_as_it_is() -> None:
    line = event("Order 7 was created for ETH/BTC and status is open.", logger="shop.orders")

    assert ADAPTERS.translate(line) is line


def test_a_short_is_opened_by_a_sale_and_closed_by_a_purchase() -> None:
    opened = freqtrade(
        ("persistence.trade_model", f"LIMIT_SELL has been fulfilled for {trade(short=True)}."),
        filled(side="Short"),
    )
    closing = freqtrade(
        ("persistence.trade_model", f"LIMIT_SELL has been fulfilled for {trade(short=True)}."),
        filled(side="Short"),
        ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade(short=True)}."),
    )

    assert opened.positions["1"].values["position.side"] == "short"
    assert opened.order_outcomes == {"order.filled": 1}
    assert closing.order_outcomes == {"order.filled": 1, "exit.filled": 1}
    # A filled exit may be a part: only the word of the trade's end closes it.
    assert closing.positions["1"].last.name == "position.changed"


def test_a_canceled_exit_is_no_canceled_entry() -> None:
    bot = freqtrade(
        said("exit"),
        ("freqtradebot", f"Sell order cancelled due to timeout for {trade()}."),
        ("freqtradebot", f"Buy order cancelled due to timeout for {trade(pair='LTC/BTC')}."),
    )

    assert bot.order_outcomes == {"exit.submitted": 1, "exit.canceled": 1, "order.canceled": 1}
    assert bot.cancels == {"timeout": 2}


def test_an_order_that_replaces_another_of_its_pair_is_the_open_one() -> None:
    bot = freqtrade(
        ("freqtradebot", "Order 7 was created for ETH/BTC and status is open."),
        ("freqtradebot", f"Buy order cancelled to be replaced by new limit order for {trade()}."),
        ("freqtradebot", "Order 8 was created for ETH/BTC and status is open."),
    )

    assert [(key, order.last.name) for key, order in bot.orders.items()] == [
        ("ETH/BTC entry", "order.submitted")
    ]


def test_a_second_order_of_a_pair_does_not_hide_the_first() -> None:
    analyzer = Analyzer()
    for number in (7, 8):
        body = f"Order {number} was created for ETH/BTC and status is open."
        analyzer.feed(event(body, at=number, logger="freqtrade.freqtradebot"))

    snapshot = analyzer.snapshot()

    assert "2 orders not filled (ETH/BTC 2×)" in snapshot.money_lines[0]
    assert "2 orders may rest at the exchange and fill meanwhile" in snapshot.restart


def test_a_stop_that_was_taken_back_leaves_a_position_bare() -> None:
    opened = ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade()}.")
    stop = ("exchange.exchange", "stoploss limit order added for ETH/BTC. stop price: 0.09. limit: 0.08")
    pulled = ("freqtradebot", f"Cancelling stoploss on exchange for {trade()} order: 9")
    analyzer = Analyzer()
    for number, (module, body) in enumerate((opened, stop, pulled)):
        analyzer.feed(event(body, at=number, logger=f"freqtrade.{module}"))

    issues = analyzer.snapshot().issues

    assert [issue.title for issue in issues] == ["ETH/BTC has no stop-loss"]


def test_only_the_last_exit_of_a_trade_gives_its_result() -> None:
    result = {"exit_reason": "'roi'", "stake_currency": "'BTC'"}
    part = said("exit_fill", **result, cumulative_profit="0.2", is_final_exit="False")
    last = said("exit_fill", **result, cumulative_profit="-0.5", is_final_exit="True")

    results = analyzed(part, last).state.money.results("bot-1")["BTC"]

    assert (results.settled, str(results.pnl)) == (1, "-0.5")


def test_an_error_of_a_bot_that_ends_is_no_signal() -> None:
    bot = freqtrade(("commands.trade_commands", "worker found ... calling exit"))

    assert bot.state.name == "bot.stopped"
    assert not bot.state.values.get("reason")


def test_a_rule_still_reads_a_translated_line() -> None:
    analyzer = Analyzer()
    line = "TelegramError: Chat not found! Giving up on that message."

    for number in range(3):
        analyzer.feed(event(line, at=number, logger="freqtrade.rpc.telegram", severity=Severity.WARN))

    (issue,) = analyzer.snapshot().issues
    assert issue.category == "CONFIG"
    assert analyzer.state.books.bots["bot-1"].notifications["telegram"].failed.count == 3


def test_a_backtest_of_nautilus_is_no_money_whatever_its_trader_is_called() -> None:
    opened = next(line.example for _, line in ADAPTERS.lines if "] PositionOpened(" in line.literal)
    analyzer = Analyzer()
    trader = {"trader_id": "MINE-007"}
    for number, (logger, body) in enumerate((("BacktestEngine", "Building system kernel"), ("Ema", opened))):
        analyzer.feed(event(body, at=number, logger=logger, attributes=trader))

    told = " ".join(analyzer.snapshot().money_lines)

    assert "no real funds, nothing at risk" in told
    assert "GBP/USD" not in told
    assert analyzer.state.books.bots["bot-1"].mode.values["run.mode"] == "backtest"


def test_an_open_position_of_a_live_nautilus_node_is_money() -> None:
    opened = next(line.example for _, line in ADAPTERS.lines if "] PositionOpened(" in line.literal)
    analyzer = Analyzer()
    analyzer.feed(event(opened, logger="Ema", attributes={"trader_id": "MINE-007"}))

    told = analyzer.snapshot().money_lines[0]

    assert "-1000000.0" in opened
    assert "−1000000 GBP/USD.SIM short at 1.57583" in told


def nautilus(*bodies: str) -> Analyzer:
    """Return an analyzer that read these lines of a strategy on a live node."""
    analyzer = Analyzer()
    for number, body in enumerate(bodies):
        analyzer.feed(event(body, at=number, logger="Ema", attributes={"trader_id": "MINE-007"}))
    return analyzer


def nautilus_order(word: str, **more: str) -> str:
    rest = "".join(f", {key}={value}" for key, value in more.items())
    return f"<--[EVT] Order{word}(instrument_id=GBP/USD.SIM, client_order_id=O-9{rest})"


SHORT = next(line.example for _, line in ADAPTERS.lines if "] PositionOpened(" in line.literal)
STOP = nautilus_order(
    "Initialized",
    side="BUY",
    type="STOP_MARKET",
    quantity="1_000_000",
    reduce_only="True",
    options="{'trigger_price': '1.58', 'trigger_type': 'DEFAULT'}",
)
ACCEPTED = nautilus_order("Accepted", venue_order_id="SIM-1-002")
CANCELED = nautilus_order("Canceled", venue_order_id="SIM-1-002")


def test_a_stop_order_of_nautilus_is_known_by_its_first_event() -> None:
    held = nautilus(SHORT, STOP, ACCEPTED).snapshot()
    pulled = nautilus(SHORT, STOP, ACCEPTED, CANCELED).snapshot()

    assert held.issues == ()
    assert "stop not known" not in held.money_lines[0]
    assert [issue.title for issue in pulled.issues] == ["GBP/USD.SIM has no stop-loss"]
    assert "without a stop since" in pulled.money_lines[0]


def test_a_stop_is_known_as_one_in_whatever_order_its_events_come() -> None:
    left, right = nautilus(SHORT, ACCEPTED), nautilus(STOP)

    left.state.merge(right.state)

    bot = left.state.books.bots["bot-1"]
    assert (list(bot.stops), list(bot.orders)) == (["O-9"], [])
    assert bot.stops["O-9"].said == {"order.initialized": 1, "order.accepted": 1}


def test_a_stop_order_that_would_add_to_the_position_protects_nothing() -> None:
    entry = STOP.replace("side=BUY", "side=SELL")

    snapshot = nautilus(SHORT, entry, ACCEPTED).snapshot()

    assert "stop not known" in snapshot.money_lines[0]


def test_an_emulated_stop_rests_in_the_bot_only() -> None:
    snapshot = nautilus(SHORT, STOP, nautilus_order("Emulated")).snapshot()

    assert "stop only in the bot" in snapshot.money_lines[0]


def test_what_a_trade_holds_is_what_was_added_and_not_what_was_taken() -> None:
    part = said(
        "exit_fill", amount="1", stake_currency="'BTC'", cumulative_profit="0.2", is_final_exit="False"
    )
    bot = freqtrade(
        ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade()}."),
        filled(),
        ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade(amount='3')}."),
        filled(amount="3", more=True),
        ("persistence.trade_model", f"LIMIT_SELL has been fulfilled for {trade(amount='5')}."),
        part,
    )

    assert str(bot.positions["1"].values["position.quantity"]) == "4"
    assert bot.positions["1"].values["pnl.realized"] == "0.2"
    assert (bot.order_outcomes["order.filled"], bot.order_outcomes["exit.filled"]) == (2, 1)


def test_a_fill_that_is_printed_again_for_its_fee_is_one_fill() -> None:
    again = ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade()}.")

    bot = freqtrade(again, filled(), again, again)

    assert bot.order_outcomes == {"order.filled": 1}
    assert str(bot.positions["1"].values["position.quantity"]) == "2"


def test_a_trade_number_that_starts_again_is_a_new_trade() -> None:
    bot = freqtrade(
        ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade()}."),
        filled(),
        ("persistence.trade_model", f"Marking {trade()} as closed as the trade is fulfilled"),
        ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade(amount='7')}."),
    )

    assert str(bot.positions["1"].values["position.quantity"]) == "7"


def test_a_trade_that_an_earlier_run_left_open_is_money() -> None:
    analyzer = Analyzer()
    lines = (
        ("configuration.configuration", "Runmode set to live."),
        ("persistence.trade_model", f"Found open trade: {trade()}"),
    )
    for number, (module, body) in enumerate(lines):
        analyzer.feed(event(body, at=number, logger=f"freqtrade.{module}"))

    snapshot = analyzer.snapshot()

    assert snapshot.money_lines[0].startswith("holds 2 ETH/BTC long at 0.1")
    assert "**no**: open positions" in snapshot.restart


def stopped(*lines: tuple[str, str]) -> Snapshot:
    """Return the picture of a live freqtrade that stopped with these lines."""
    analyzer = Analyzer()
    start = ("configuration.configuration", "Runmode set to live.")
    order = ("freqtradebot", "Order 7 was created for ETH/BTC and status is open.")
    end = (
        ("commands.trade_commands", "worker found ... calling exit"),
        ("freqtradebot", "Cleaning up modules ..."),
    )
    for number, (module, body) in enumerate((start, order, *end, *lines)):
        analyzer.feed(event(body, at=number, logger=f"freqtrade.{module}"))
    return analyzer.snapshot()


def test_a_bot_that_counts_no_open_trade_at_its_stop_is_flat() -> None:
    assert "flat by its own count" in stopped().restart


def test_a_bot_that_ended_before_it_began_has_counted_nothing() -> None:
    analyzer = Analyzer(RuleSet(()))
    lines = (
        ("configuration.configuration", "Runmode set to live."),
        ("freqtradebot", "Cleaning up modules ..."),
    )
    for number, (module, body) in enumerate(lines):
        analyzer.feed(event(body, at=number, logger=f"freqtrade.{module}"))

    assert analyzer.snapshot().restart.startswith("not known")


def test_a_bot_that_counts_more_trades_than_its_log_names_is_not_called_flat() -> None:
    count = "Sending rpc message: {'type': warning, 'status': \"3 open trades active.\\n\\nHandle these\"}"

    snapshot = stopped(("rpc.rpc_manager", count))

    assert "**no**: open positions" in snapshot.restart
    assert any("2 of them are not named in this log" in line for line in snapshot.money_lines)


def test_a_count_that_failed_is_no_count() -> None:
    snapshot = stopped(("freqtradebot", "Exception during cleanup: OperationalError disk I/O error"))

    assert snapshot.restart.startswith("not known")


def held_by(mode: str, *, at_exchange: str, stop: bool = False) -> list[str]:
    """Return the titles of the issues once a freqtrade that holds a trade has been killed."""
    options = f"{{'entry': 'limit', 'stoploss': 'market', 'stoploss_on_exchange': {at_exchange}}}"
    lines = [
        ("configuration.configuration", f"Runmode set to {mode}."),
        ("resolvers.strategy_resolver", f"Strategy using order_types: {options}"),
        ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade()}."),
    ]
    if stop:
        lines.append(
            ("exchange.exchange", "stoploss limit order added for ETH/BTC. stop price: 0.09. limit: 0.08")
        )
    analyzer = Analyzer(RuleSet(()))
    for number, (module, body) in enumerate(lines):
        analyzer.feed(event(body, at=number, logger=f"freqtrade.{module}"))
    killed = {"process.signal": "SIGKILL"}
    analyzer.feed(event("", at=60, name="process.exited", severity=Severity.FATAL, attributes=killed))
    return [issue.title for issue in analyzer.snapshot().issues]


def test_a_position_whose_stop_lives_in_a_bot_that_is_down_has_none() -> None:
    bare = "Position without a stop: its bot is down"

    assert bare in held_by("live", at_exchange="False")
    assert bare not in held_by("live", at_exchange="True", stop=True)
    assert bare not in held_by("dry_run", at_exchange="False")


def test_a_refused_stop_leaves_the_position_bare() -> None:
    refused = (
        "Unable to place a stoploss order on exchange. Could not create stop_loss_limit sell order on "
        "market ETH/BTC. Tried to sell amount 2 at rate 0.09 with stop-price 0.094. Message: x"
    )
    analyzer = Analyzer(RuleSet(()))
    opened = ("persistence.trade_model", f"LIMIT_BUY has been fulfilled for {trade()}.")
    for number, (module, body) in enumerate((opened, ("freqtradebot", refused))):
        analyzer.feed(event(body, at=number, logger=f"freqtrade.{module}"))

    assert "ETH/BTC has no stop-loss" in [issue.title for issue in analyzer.snapshot().issues]


def test_a_message_that_a_console_broke_is_read_whole() -> None:
    module, body = filled()

    bot = freqtrade((module, body.replace(", 'stake", ", \n'stake").replace(": 2", ": \n2")))

    assert str(bot.positions["1"].values["position.quantity"]) == "2"


def test_the_normal_run_of_freqtrade_is_told_as_it_was(corpus: Path) -> None:
    analyzer = Analyzer(service="bot")
    for record in read(corpus / "bots/freqtrade_normal_trade.log.gz", letter="a"):
        analyzer.feed(record)
    bot = analyzer.state.books.bots["bot"]

    snapshot = analyze([corpus / "bots/freqtrade_normal_trade.log.gz"])
    told = "\n".join([*snapshot.money_lines, *(seen for _, seen, _ in snapshot.facts)])

    assert (bot.heartbeats.count, bot.signals, bot.exits) == (13, 7, 0)
    assert bot.order_outcomes["order.submitted"] == 7
    assert bot.order_outcomes["order.filled"] == 1
    assert bot.order_outcomes["order.canceled"] == 4
    assert sum(series.count for series in bot.requests.values()) == 15
    assert bot.calls["127.0.0.1:8101"].ok.count == 260
    assert (snapshot.program, snapshot.mode) == ("freqtrade", "dry run")
    assert snapshot.phase == "stopped by a signal at 10:22:28"
    assert "7 signals → 7 orders → 1 filled, 4 cancelled at the 60 s limit, 2 open" in told
    assert "1.786 XMR/BTC long at 0.027991 (0.04999 BTC)" in told
    assert "2 orders not filled (ETH/BTC 0.05 BTC, LTC/BTC 0.05 BTC)" in told
    assert any("`stoploss_on_exchange: False`, a:42" in line for line in snapshot.not_known)


@pytest.mark.slow
def test_the_backtests_of_the_collection_hold_no_money(corpus: Path) -> None:
    for name in ("freqtrade_bt_normal", "nautilus_bracket_debug"):
        snapshot = analyze([corpus / f"bots/{name}.log.gz"])

        assert snapshot.mode == "backtest"
        assert snapshot.money_lines == ("backtest: no real funds, nothing at risk.",)
