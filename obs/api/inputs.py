"""What comes into a serving sidecar beside the spool: changed settings and rule packs, standard input."""

from __future__ import annotations

import threading
from pathlib import Path

from watchfiles import Change, awatch

from obs import rules, sources
from obs.api.context import Context
from obs.config import ConfigError, Settings, expectations, load, pipeline_config, placed
from obs.journal import Journal
from obs.opening import bounds_of
from obs.quoting import plain
from obs.sidecar import Sidecar
from obs.watch.expectations import Expectations

__all__ = ["read_standard_input", "reload_on_change"]


async def reload_on_change(sidecar: Sidecar, context: Context, folder: Path | None, log: Journal) -> None:
    """Take over changed settings and rule packs once they are valid; else keep the old and say why.

    Args:
        sidecar: Whose settings they are; told in its own thread.
        context: With the settings it began with.
        folder: Where they stand; the working directory when None.
        log: Where it is written down.
    """
    settings = context.settings
    here = folder if folder is not None else Path.cwd()
    places = {(here / name).parent for name in ("obs.toml", *map(str, settings.rules))}
    places |= {here / path for path in settings.rules if path.is_dir()}
    async for changed in awatch(*places, recursive=False, watch_filter=_is_ours):
        try:
            fresh = load(folder=folder).settings
            if folder is not None:
                fresh = placed(fresh, folder)
            ruleset, expected = rules.load(fresh.rules), expectations(fresh)
        except (ConfigError, rules.RuleError) as error:
            _refuse(sidecar, plain(str(error).partition(":")[0]))
            log.error("settings kept", why=str(error))
        else:
            _adopt(sidecar, fresh, ruleset, expected)
            if context.pipeline is not None:
                context.pipeline.config = pipeline_config(fresh)
            log.info("settings reloaded", files=sorted(Path(path).name for _, path in changed))


def read_standard_input(sidecar: Sidecar, timezone: str) -> None:
    """Offer standard input as it comes; the thread waits when the fold is behind."""

    def read() -> None:
        for event in sources.read("-", letter="a", timezone=timezone):
            sidecar.offer(event)

    threading.Thread(target=read, name="obs-stdin", daemon=True).start()


def _adopt(sidecar: Sidecar, fresh: Settings, ruleset: rules.RuleSet, expected: Expectations) -> None:
    sidecar.post(
        lambda: sidecar.adopt(
            ruleset=ruleset,
            expected=expected,
            budget=fresh.budget,
            lang=fresh.lang,
            history=bounds_of(fresh),
        )
    )


def _refuse(sidecar: Sidecar, file: str) -> None:
    what = (
        f"What the changed {file} asks for: it is wrong and not in force, what stood there before "
        "is; `obs check --rules FILE` and the sidecar's log say what to mend."
    )
    sidecar.post(lambda: sidecar.refuse(what))


def _is_ours(_: Change, path: str) -> bool:
    return path.endswith(".toml")
