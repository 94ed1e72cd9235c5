"""A bot with a bug nobody catches, and an exception hook of its own that it sets late."""

import logging
import sys

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("bot.main")


def own_hook(kind, value, trace):
    print(f"the bot says goodbye: {value!r}", file=sys.stderr)


def position_size(balance, price):
    return balance / price


sys.excepthook = own_hook
log.warning("price feed returned %r", 0)
position_size(1000, 0)
