"""Every way in which a program configures logging, and that each record arrives exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.bots import run_bot

BARE = "import logging, logging.config, os, sys, time\n"
WRAPPED = BARE + "import obs.handler\nobs.handler.wrap_logging()\nlog = logging.getLogger('bot.main')\n"


def test_freqtrades_log_config_block_works_as_it_stands(tmp_path: Path) -> None:
    """The block of its documentation with our class in it; `console` stands for its own handler."""
    run = run_bot(
        tmp_path,
        """
        logging.getLogger("freqtrade.early").warning("before the configuration")
        logging.config.dictConfig({
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "basic": {"format": "%(message)s"},
                "standard": {"format": "%(asctime)s - %(name)s - %(levelname)s - %(message)s"}},
            "handlers": {
                "console": {"class": "logging.StreamHandler", "formatter": "basic"},
                "obs": {"class": "obs.handler.SidecarHandler", "level": "DEBUG"}},
            "root": {"handlers": ["console", "obs"], "level": "INFO"}})
        log = logging.getLogger("freqtrade.worker")
        log.info("Bot heartbeat. PID=%s", 1)
        log.debug("too quiet")
        log.warning("Pair %s", ["BTC/USDT"])
        """,
        preamble=BARE,
    )

    assert run.bodies == ["Bot heartbeat. PID=1", "Pair ['BTC/USDT']"]
    assert run.stderr == "before the configuration\nBot heartbeat. PID=1\nPair ['BTC/USDT']\n"


@pytest.mark.parametrize(
    "again",
    [
        "logging.config.dictConfig(dict(version=1, disable_existing_loggers=False, root=dict(level='INFO')))",
        "logging.basicConfig(force=True, level=logging.INFO, stream=open(os.devnull, 'w'))",
        "logging.getLogger().handlers.clear()",
        "logging.shutdown(); logging.shutdown()",
        "logging.getLogger('bot.main').propagate = False",
        "logging.disable(logging.INFO); logging.disable(logging.NOTSET)",
        "obs.handler.wrap_logging(); obs.handler.wrap_logging()",
        "logging.getLogger().addHandler(obs.handler.SidecarHandler())",
        "logging.getLogger('bot').addHandler(obs.handler.SidecarHandler())",
    ],
)
def test_the_wrapped_dispatch_survives_whatever_the_app_configures(tmp_path: Path, again: str) -> None:
    """Fault 21, trap 8: one delivery each, before and after."""
    run = run_bot(
        tmp_path,
        f"""
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger().addHandler(logging.NullHandler())
        log.info("before")
        {again}
        log.info("after")
        log.error("bad")
        """,
        preamble=WRAPPED,
    )

    assert run.bodies == ["before", "after", "bad"]


@pytest.mark.parametrize(
    "again",
    [
        "logging.getLogger().addHandler(obs.handler.SidecarHandler())",
        "logging.getLogger('bot').addHandler(obs.handler.SidecarHandler())",
        "logging.getLogger('bot').addHandler(handler)",
        "logging.shutdown(); logging.shutdown()",
        "handler.close(); handler.close(); handler.flush()",
        "logging.config.dictConfig(CONFIG)",
        "logging.config.dictConfig(CONFIG); logging.config.dictConfig(CONFIG)",
        "obs.handler.wrap_logging()",
        "obs.handler.wrap_logging()()",
    ],
)
def test_the_handler_delivers_once_however_often_it_is_attached(tmp_path: Path, again: str) -> None:
    """Fault 21: twice on one logger, on parent and child, closed and used again, beside the wrapper."""
    run = run_bot(
        tmp_path,
        f"""
        ours = {{"class": "obs.handler.SidecarHandler", "level": "DEBUG"}}
        CONFIG = {{"version": 1, "disable_existing_loggers": False, "handlers": {{"obs": ours}},
                  "root": {{"level": "DEBUG", "handlers": ["obs"]}}}}
        import logging.config
        log.info("before")
        {again}
        for number in range(3): log.info("after %d", number)
        log.error("bad %s", [1])
        """,
    )

    assert run.bodies == ["before", "after 0", "after 1", "after 2", "bad [1]"]


def test_a_handler_beside_the_wrapper_is_inert_under_threads(tmp_path: Path) -> None:
    """Fault 21: what notices a double by its neighbour in time would let some through here."""
    run = run_bot(
        tmp_path,
        """
        sys.setswitchinterval(1e-6)
        obs.handler.wrap_logging()
        def work(name):
            for number in range(3_000): log.info("%d %d", name, number)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
    )

    assert len(run.events) == 18_000
    assert len(set(run.bodies)) == 18_000


def test_a_reloaded_module_does_not_deliver_twice(tmp_path: Path) -> None:
    """Fault 21: `importlib.reload` keeps the one capture."""
    run = run_bot(
        tmp_path,
        """
        import importlib
        log.info("before")
        importlib.reload(obs.handler)
        obs.handler.wrap_logging()
        logging.getLogger().addHandler(obs.handler.SidecarHandler())
        log.info("after")
        """,
    )

    assert run.bodies == ["before", "after"]
    assert len(run.ended) == 1


def test_the_apps_own_output_is_what_it_was(tmp_path: Path) -> None:
    """Unconfigured logging still prints its warnings, `basicConfig` still configures."""
    source = """
        log = logging.getLogger("bot.main")
        log.info("silent"); log.warning("last resort")
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        log.info("now %s", 1)
        log.info("bad %d", "x")
        """
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    without = run_bot(tmp_path / "a", source, preamble=BARE)
    beside = run_bot(tmp_path / "b", source, preamble=WRAPPED)

    ours = beside.stderr.replace("/b/", "/a/")
    assert [line for line in ours.splitlines() if "obs/handler.py" not in line][
        :3
    ] == without.stderr.splitlines()[:3]
    assert "INFO now 1" in ours
    assert "Logging error" in ours
    assert beside.bodies == ["last resort", "now 1", "bad %d"]


def test_unknown_settings_are_named_and_the_handler_works(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        ours = {"class": "obs.handler.SidecarHandler", "service": "grid-1", "durable": True, "address": "x"}
        logging.config.dictConfig(
            {"version": 1, "root": {"handlers": ["obs"], "level": "INFO"}, "handlers": {"obs": ours}})
        logging.info("hello")
        os.kill(os.getpid(), 9)
        """,
        preamble=BARE,
    )

    assert run.bodies == ["hello"]
    assert run.events[0]["resource"]["service.name"] == "grid-1"
    assert run.stderr == 'obs: SidecarHandler knows no setting "address"; it is not used\n'


def test_levels_of_handler_and_wrapper_are_respected(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        capture().install(level="WARNING")
        undo = obs.handler.wrap_logging()
        log.info("below"); log.warning("wrapped")
        undo()
        handler.setLevel(logging.ERROR)
        log.warning("below"); log.error("handled")
        """,
    )

    assert run.bodies == ["wrapped", "handled"]


def test_the_filters_of_the_handler_are_asked(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        handler.addFilter(lambda record: "no" not in record.msg)
        log.info("yes"); log.info("no"); log.error("no")
        """,
    )

    assert run.bodies == ["yes"]
