"""The live page in a real browser: what it draws, what it does, and what nobody can make it do."""
