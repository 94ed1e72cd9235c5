"""Our Grafana dashboards as code: a module for each; `panel` says what one is made of.

python -m scripts.dashboards
"""

from __future__ import annotations

from scripts.dashboards.bot import BOT
from scripts.dashboards.fleet import FLEET
from scripts.dashboards.issues import ISSUES
from scripts.dashboards.money import MONEY
from scripts.dashboards.panel import Board
from scripts.dashboards.sidecar import SIDECAR

__all__ = ["BOARDS"]

BOARDS: tuple[Board, ...] = (FLEET, BOT, MONEY, ISSUES, SIDECAR)
