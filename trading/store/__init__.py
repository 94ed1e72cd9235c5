"""What the core keeps: two SQLite files, their tables, migrations and copies."""
