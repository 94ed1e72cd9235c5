"""Revisions of `performance.db`."""
