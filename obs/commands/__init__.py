"""Commands with enough to say for a module each; `obs.__main__` puts them together."""
