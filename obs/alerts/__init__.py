"""Alerts: those of Alertmanager that come in, and our own that go out to people's phones and mailboxes."""
