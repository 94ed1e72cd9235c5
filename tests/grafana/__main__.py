"""From bots over Prometheus and Alertmanager back to issues, with all that was asked as a table.

python -m tests.grafana [--pictures]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

from tests.grafana.playing import SPEED, play
from tests.grafana.returning import returned
from tests.grafana.stack import Stack, running
from tests.grafana.surveying import Row, survey

SLOWLY = 90
"""Half a minute for a day of 45 minutes: room for curves."""
MOST = 100
"""Characters of an expression that are shown."""


def main() -> int:
    """Play, ask, print; 1 when anything is without data and without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.grafana", description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="draw the answers into docs/images")
    parser.add_argument("--whole", action="store_true", help="show expressions to their end")
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="obs-grafana-") as folder, running(Path(folder)) as stack:
        start = time.time()
        play(stack, SLOWLY if asked.pictures else SPEED)
        rows = survey(stack)
        back = returned(stack)
        if asked.pictures:
            _draw(stack, start)
    for where, found in groupby(rows, key=lambda row: row.where):
        print(f"\n{where}")
        for row in found:
            print(_line(row, 10_000 if asked.whole else MOST))
    print(f"\nAlertmanager -> obs\n{back}")
    odd = [row for row in rows if not row.is_well]
    quiet = sum(1 for row in rows if row.reason)
    seconds = time.monotonic() - begun
    print(
        f"\n{len(rows)} expressions in {seconds:.0f} s: {len(rows) - quiet - len(odd)} with data, "
        f"{quiet} without for a reason, {len(odd)} without any"
    )
    return 1 if odd else 0


def _line(row: Row, most: int) -> str:
    told = f"{row.series:>4} series" if row.series else "   - " + (row.reason or "NO DATA AND NO REASON")
    expression = row.expression.replace("\n", " ")
    cut = expression if len(expression) <= most else f"{expression[: most - 1]}…"
    return f"  {row.name:<42.42} {told:<52} {' '.join(cut.split())}"


def _draw(stack: Stack, start: float) -> None:
    # Only whoever draws needs what draws.
    from scripts.pictures.boards import draw

    draw(stack, start)


if __name__ == "__main__":
    sys.exit(main())
