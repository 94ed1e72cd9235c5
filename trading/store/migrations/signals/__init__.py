"""Revisions of `signals.db`."""
