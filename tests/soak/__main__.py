"""`python -m tests.soak --kills N --target sidecar|bot|both`: prints one line; exit code 1 on a violation."""

from __future__ import annotations

import argparse
import sys

from tests.soak.loop import BACK_SECONDS, LIFE_SECONDS, Soak


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Kill loop over sidecar and bot."
    )
    parser.add_argument("--kills", type=int, default=20, help="how often each target is killed with -9")
    parser.add_argument("--target", choices=("sidecar", "bot", "both"), default="both")
    parser.add_argument("--rate", type=float, default=2_000, help="records a second that the bot logs")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    parser.add_argument(
        "--back", type=float, default=BACK_SECONDS, help="seconds within which it must be back"
    )
    parser.add_argument(
        "--life", type=float, default=LIFE_SECONDS, help="longest life of a killed sidecar, s"
    )
    options = parser.parse_args()
    soak = Soak(
        options.kills,
        options.target,
        rate=options.rate,
        seed=options.seed,
        back_seconds=options.back,
        life_seconds=options.life,
    )
    outcome = soak.run()
    print(outcome.summary())
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
