"""structlog and loguru at the front door: names and values, each event once."""

from __future__ import annotations

from pathlib import Path

from tests.capture.bots import ATTACHED, run_bot

STRUCTLOG = """
import logging, sys, time
import structlog
import obs.handler
from obs.integrations import structlog_processor
def configure(*last, factory=None, wrapper=None):
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level,
                    structlog.processors.StackInfoRenderer(), structlog_processor, *last],
        logger_factory=factory, wrapper_class=wrapper)
"""
LOGURU = """
import logging, sys, time
from loguru import logger
import obs.handler
from obs.integrations import loguru_sink
logger.remove()
logger.add(loguru_sink, format=lambda _: "{message}", level=0)
"""


def test_structlog_events_keep_their_name_and_their_values(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        configure(structlog.processors.JSONRenderer(), factory=structlog.PrintLoggerFactory(sys.stderr))
        log = structlog.get_logger().bind(symbol="BTC/USDT")
        log.info("order placed", order_id="42", legs=[1, 2])
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("order failed", api_key="abcd1234EFGH5678ijkl")
        """,
        preamble=STRUCTLOG,
    )

    placed, failed = run.events
    assert (placed["body"], placed["template"], placed["severity"]) == (
        "order placed",
        "order placed",
        "INFO",
    )
    assert placed["attributes"]["symbol"] == "BTC/USDT"
    assert placed["attributes"]["legs"] == [1, 2]
    assert failed["severity"] == "ERROR"
    assert failed["exception"]["type"] == "ZeroDivisionError"
    assert failed["attributes"]["api_key"] == "[REDACTED:api_key]"
    assert '"event": "order placed"' in run.stderr


def test_structlog_on_top_of_logging_is_delivered_once_and_by_its_own_door(tmp_path: Path) -> None:
    """One door takes precedence where two see the same event."""
    run = run_bot(
        tmp_path,
        """
        logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
        obs.handler.wrap_logging()
        configure(structlog.processors.JSONRenderer(), factory=structlog.stdlib.LoggerFactory(),
                  wrapper=structlog.stdlib.BoundLogger)
        log = structlog.get_logger("bot.main")
        for number in range(3): log.info("order placed", number=number)
        logging.getLogger("bot.main").info("order placed by hand")
        logging.getLogger("urllib3").info("plain record")
        """,
        preamble=STRUCTLOG,
    )

    assert run.bodies == ["order placed"] * 3 + ["order placed by hand", "plain record"]
    assert [event["attributes"].get("number") for event in run.events[:3]] == [0, 1, 2]
    assert {event["logger"] for event in run.events[:4]} == {"bot.main"}


def test_structlog_events_that_only_logging_sees_are_taken_apart(tmp_path: Path) -> None:
    """`ProcessorFormatter` hands the whole event over as the record's message."""
    run = run_bot(
        tmp_path,
        """
        import structlog
        structlog.configure(
            processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger)
        structlog.get_logger("bot.main").warning("order placed", order_id="42")
        """,
    )

    (event,) = run.events
    assert (event["body"], event["template"]) == ("order placed", "order placed")
    assert event["attributes"]["order_id"] == "42"
    assert "_logger" not in event["attributes"]


def test_loguru_messages_keep_their_level_their_place_and_their_exception(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        logger.bind(symbol="BTC/USDT").success("filled {}", 42)
        try:
            {}["price"]
        except KeyError:
            logger.exception("no price")
        """,
        preamble=LOGURU,
    )

    filled, failed = run.events
    assert (filled["body"], filled["severity"], filled["severity_text"]) == ("filled 42", "INFO", "SUCCESS")
    assert filled["attributes"]["symbol"] == "BTC/USDT"
    assert filled["attributes"]["code.lineno"] == 9
    assert failed["severity"] == "ERROR"
    assert failed["exception"]["type"] == "KeyError"
    assert "bot.py" in failed["exception"]["stacktrace"]
    assert run.stderr == ""


def test_logging_led_into_loguru_is_delivered_once(tmp_path: Path) -> None:
    """loguru's own `InterceptHandler` recipe, beside the wrapped dispatch."""
    run = run_bot(
        tmp_path,
        """
        class InterceptHandler(logging.Handler):
            def emit(self, record):
                logger.opt(depth=6, exception=record.exc_info).log(record.levelname, record.getMessage())
        logging.basicConfig(handlers=[InterceptHandler()], level=0)
        obs.handler.wrap_logging()
        logger.info("loguru's own")
        for number in range(3): logging.getLogger("bot.main").info("order %d", number)
        logging.getLogger("bot.main").error("bad")
        """,
        preamble=LOGURU,
    )

    assert run.bodies == ["loguru's own", "order 0", "order 1", "order 2", "bad"]
    assert run.events[1]["template"] == "order %d"


def test_loguru_led_into_logging_is_delivered_once(tmp_path: Path) -> None:
    """loguru's `PropagateHandler` recipe."""
    run = run_bot(
        tmp_path,
        """
        class PropagateHandler(logging.Handler):
            def emit(self, record):
                logging.getLogger(record.name).handle(record)
        logger.add(PropagateHandler(), format="{message}")
        for number in range(3): logger.info("order {}", number)
        """,
        preamble=ATTACHED + LOGURU,
    )

    assert run.bodies == ["order 0", "order 1", "order 2"]


def test_a_broken_event_stays_with_us(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        from obs.integrations import loguru_sink, structlog_processor
        structlog_processor(None, "info", None)
        structlog_processor(None, "info", {"event": object(), 7: {1: 2}})
        loguru_sink("no record")
        log.info("after")
        """,
    )

    assert run.returncode == 0
    assert run.bodies[-1] == "after"
    (books,) = run.books.values()
    assert books["dropped.error.INFO.structlog"] == 1
    assert books["dropped.error.INFO.loguru"] == 1
