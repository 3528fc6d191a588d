"""All SQL of the domain, a module for each table."""

from app.accounts.store import accounts, codes, events, sessions

__all__ = ["accounts", "codes", "events", "sessions"]
