"""The history: what is stored of events, money and models, on SQLite and on PostgreSQL."""
