"""Revisions of both files; `env.py` is what alembic runs them with."""
