"""A bot that ends without any of the interpreter's clean-up."""

import logging
import os

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("bot.main")
for step in range(50):
    log.info("step %d", step)
print("leaving")
log.info("margin call: leaving at once")
os._exit(7)
