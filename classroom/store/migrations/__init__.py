"""Alembic's, forward only. A new one: `python -m classroom.store.migrate "what it adds"`, then read what it
wrote."""
