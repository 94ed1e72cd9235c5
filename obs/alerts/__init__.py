"""Alerts: those of Alertmanager that come in, and our own that go out to people's phones and mailboxes."""

from __future__ import annotations

__all__ = ["FILE"]

FILE = "alerts.db"
"""In the sidecar's folder: what was told, what waits, and the silences."""
