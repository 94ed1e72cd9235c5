"""The API for programs that start it themselves: `create_dashboard_api().run()` is what `obs up` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obs.config import Settings, load

if TYPE_CHECKING:
    from fastapi import FastAPI

    from obs.money.metrics import PerformanceMetricsCalculator

__all__ = ["DashboardAPI", "create_dashboard_api", "run_dashboard_server"]


class DashboardAPI:
    """The endpoints of one directory's sidecar, not serving yet."""

    def __init__(self, settings: Settings, *, read: Callable[[], Settings] | None = None) -> None:
        """Name the settings: where to work and where to listen.

        Args:
            settings: To begin with.
            read: Reads them anew when their file has changed; None: they stay.
        """
        self.settings = settings
        self._read = read

    def run(self, files: Sequence[Path | str] = ()) -> int:
        """Serve until a signal comes; return the exit code.

        Args:
            files: Logs to take in and follow as well; `-` is standard input.

        Raises:
            ValueError: If the address is not loopback and there is no token, or the port is taken.
            OSError: If the directory cannot be written.
        """
        from obs.api.serve import serve

        return serve(self.settings, [Path(file) for file in files], read=self._read)

    def app(self, calculator: PerformanceMetricsCalculator | None = None) -> FastAPI:
        """Return the ASGI app over money figures of one's own, without a sidecar, for another server.

        Args:
            calculator: Computes the figures; those of an empty book when None.
        """
        import time

        from obs.api.app import application
        from obs.api.board import Board
        from obs.api.context import Context
        from obs.api.desk import Desk
        from obs.api.tokens import in_force
        from obs.snapshot import Snapshot

        desk = Desk.over(calculator) if calculator is not None else Desk()
        return application(
            Context(
                settings=self.settings,
                board=Board(Snapshot(taken_at=time.time_ns())),
                desk=desk,
                tokens=in_force(self.settings, self.settings.dir.absolute()),
            )
        )


def create_dashboard_api(**settings: Any) -> DashboardAPI:
    """Return the API with the effective settings.

    Args:
        settings: What goes before environment and `obs.toml`: `dir=`, `port=`, ... (`docs/settings.md`).

    Raises:
        ConfigError: If a setting is wrong.
    """

    def read() -> Settings:
        return load(settings).settings

    return DashboardAPI(read(), read=read)


def run_dashboard_server(**settings: Any) -> int:
    """Serve until a signal comes, as `obs up` does; arguments and errors as `create_dashboard_api`."""
    return create_dashboard_api(**settings).run()
