"""The commands of `python -m trading`, a module each.

A module `trading.commands.NAME` has `configure(parser)`, which declares its options, and `run(options)`,
which returns the exit code: 0 fine, 1 it was tried and failed, 2 used wrongly. Heavy libraries are
imported in `run` alone, so that `--help` and the paper run stay light.
"""
