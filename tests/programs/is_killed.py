"""A bot that is killed in the middle of its work."""

import logging
import os
import signal

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("bot.main")
for step in range(50):
    log.info("step %d", step)
log.error("stop-loss for %s not placed", "BTC/USDT")
os.kill(os.getpid(), signal.SIGKILL)
