"""The way back: what fires in Prometheus arrives as an issue, through Alertmanager and our webhook."""

from __future__ import annotations

from typing import Any

from tests.grafana.stack import Stack, wait_for

__all__ = ["issues", "returned"]

ALERT = "TradingBreakerTripped"
"""One that the play makes fire."""


def returned(stack: Stack) -> str:
    """Wait until the alert is an issue, and tell both.

    Raises:
        TimeoutError: If it does not arrive.
    """
    wait_for(f"{ALERT} among the issues", lambda: issues(stack, ALERT))
    fires = sorted({one["metric"]["alertname"] for one in stack.ask('ALERTS{alertstate="firing"}', step=1)})
    found = issues(stack, ALERT)[0]
    return f"  fire: {', '.join(fires)}\n  {found['id']} {found['severity']}: {found['title']}"


def issues(stack: Stack, word: str) -> list[Any]:
    """Return the issues in which a word stands."""
    found = stack.get(stack.obs, "/api/issues")["data"]
    listed = found["issues"] if isinstance(found, dict) else found
    return [issue for issue in listed if word in str(issue)]
