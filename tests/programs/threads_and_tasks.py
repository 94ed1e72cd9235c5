"""A bot with threads and asyncio tasks; a thread and a task fail and nobody looks."""

import asyncio
import gc
import logging
import threading

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(threadName)s %(message)s")
log = logging.getLogger("bot.workers")


def feed(number: int) -> None:
    for step in range(20):
        log.info("feed %d step %d", number, step)
    if number == 2:
        raise ValueError("feed 2 has no candles")


async def signal(number: int) -> None:
    for step in range(20):
        log.info("signal %d step %d", number, step)
        await asyncio.sleep(0)
    if number == 1:
        raise ZeroDivisionError("signal 1 divided by its own loss")


async def main() -> None:
    tasks = [asyncio.create_task(signal(number)) for number in range(3)]
    await asyncio.wait(tasks)
    del tasks
    gc.collect()


threads = [threading.Thread(target=feed, args=(number,), name=f"feed-{number}") for number in range(4)]
for thread in threads:
    thread.start()
asyncio.run(main())
for thread in threads:
    thread.join()
log.info("all done")
