"""A bot that logs, and that configures logging in the way that throws off every handler before it."""

import logging
import logging.config

log = logging.getLogger("bot.feed")
log.warning("no configuration yet, reading %s", "settings.json")

logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s - %(name)s - %(levelname)s - %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "loggers": {"bot.orders": {"handlers": ["console"], "propagate": False}},
        "root": {"handlers": ["console"], "level": "INFO"},
    }
)

log.info("candles for %s: %d rows", "BTC/USDT", 500)
orders = logging.getLogger("bot.orders")
orders.error("order %s rejected: %s", "42", "insufficient balance")
try:
    {"BTC/USDT": 1}["ETH/USDT"]
except KeyError:
    log.exception("no position for %s", "ETH/USDT")
log.debug("below the level: nobody sees this")
log.info("done")
