"""A bot that logs at an even pace and says how long each call took it.

Run as a program of its own: `python -m tests.exporting.paced_bot OBS_DIR SECONDS RATE`. It prints, as JSON,
how many records it said and quantiles of the time of one call, in µs.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
import time

STEP_SECONDS = 0.001
WARM_UP = 2_000
"""Calls that are made and not measured: each way is gone once."""
EXTRA = {"order.id": "42", "symbol": "BTC/USDT", "side": "buy", "attempt": 1}


def main() -> None:
    import obs

    folder, seconds, rate = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    log = logging.getLogger("bot.orders")
    log.setLevel(logging.INFO)
    attached = obs.attach(folder, service="grid-1", sidecar="never")
    assert attached.active, attached.problem
    for number in range(WARM_UP):
        log.info("warming up %d", number)
    took: list[int] = []
    info, clock = log.info, time.perf_counter_ns
    gc.freeze()
    total, began = int(seconds * rate), time.perf_counter()
    while len(took) < total:
        due = min(total, int((time.perf_counter() - began) * rate))
        while len(took) < due:
            started = clock()
            info("order %s filled qty=%s price=%s", "42", 3, 101.5, extra=EXTRA)
            took.append(clock() - started)
        time.sleep(STEP_SECONDS)
    took.sort()
    print(
        json.dumps(
            {
                "said": WARM_UP + total,
                **{
                    name: took[min(total - 1, int(total * part))] / 1_000
                    for name, part in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))
                },
            }
        )
    )


if __name__ == "__main__":
    main()
