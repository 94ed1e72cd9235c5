"""The composition root: moves what arrives into State, store and views, and stops in order.

It holds no rules. Where HTTP is served too, it works in a thread of its own and hangs its pictures up on a
board: nobody else touches what it works on. The order that makes every event count once: poll, fold, store
checkpoint and State in one transaction, and only then let the spool delete.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from obs.analysis import Analyzer
from obs.events import Event
from obs.history.chronicle import Chronicle
from obs.history.retention import Bounds, Keeper
from obs.keeping.gauging import OwnMeters
from obs.keeping.intake import Intake
from obs.keeping.ledger import Ledger
from obs.keeping.outlet import Outlet
from obs.keeping.poison import PoisonGuard
from obs.keeping.presence import flush_requests
from obs.keeping.requests import Requests
from obs.keeping.stopping import Told
from obs.keeping.store import StoreError
from obs.keeping.vault import Vault
from obs.money.metrics import PerformanceMetricsCalculator
from obs.money.settled import Settled
from obs.pipeline import Processor
from obs.rules import RuleSet
from obs.sidecar.arrivals import Arrivals
from obs.sidecar.orders import Orders
from obs.sidecar.posting import Posted
from obs.sidecar.showing import Audience, Showing
from obs.sidecar.upkeep import Upkeep
from obs.snapshot import Snapshot
from obs.spool_reader import SpoolBatch, SpoolBusyError
from obs.state import State
from obs.watch.expectations import Expectations

if TYPE_CHECKING:
    from obs.exporting.destination import Destination
    from obs.exporting.exporter import Exporter

__all__ = ["Sidecar"]

EXPORT = "export"
"""Under which is stored what was written down for OpenTelemetry."""
STEP_LINES = 400
"""Lines folded before others get their turn: 10 to 30 ms."""
COMMIT_SECONDS = 0.25
COMMIT_SHARE = 10
"""Storing may take one part in so many of our time."""
CREDITS_SECONDS = 15.0
"""Between two looks for trades that are over and what agents are credited with of them."""
RETRY_SECONDS = 1.0
POLL_SECONDS = (0.005, 0.1)
"""Pause after work, growing to this when nothing comes."""
DRAIN_SECONDS = 5.0


class Sidecar:
    """One directory's reader, memory and views. One thread runs it; `post` and `offer` are for the others."""

    def __init__(
        self,
        directory: Path | str | None = None,
        *,
        follow: Sequence[str | Path] = (),
        timezone: str = "UTC",
        ruleset: RuleSet | None = None,
        expected: Expectations | None = None,
        also: Sequence[Processor] = (),
        notes: Callable[[], Mapping[str, str]] = dict,
        budget: int = 2000,
        lang: str = "en",
        templates: Path | None = None,
        audience: Audience | None = None,
        store: str = "",
        history: Bounds | None = None,
        destination: Destination | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take the directory over and go on where the last sidecar stopped.

        Args:
            directory: The `OBS_DIR`; by default that variable, else `.obs` here.
            follow: Log files and globs to follow beside the spool; they need not exist yet.
            timezone: IANA name of the zone in which times of files without one are read.
            ruleset: The rules; the packs that ship with the product when None.
            expected: Markets, rhythms and limits; the defaults when None.
            also: Further steps for each event, after the fold.
            notes: Gives texts to be stored in each transaction, beside checkpoint and State.
            budget: Most tokens of a briefing.
            lang: Its language.
            templates: Folder of templates that replace ours of the same name.
            audience: Is shown each new picture, beside the files.
            store: Address of a server that keeps what is remembered; empty: `obs.db` in the directory.
            history: How much history is kept; the defaults when None.
            destination: Where OpenTelemetry goes; nowhere when None.
            clock: Unix ns now.

        Raises:
            SpoolBusyError: If another sidecar works in this directory.
            StoreError: If `obs.db` is of a newer version or cannot be opened.
            OSError: If the directory cannot be made or written.
        """
        self.directory = Path(directory or os.environ.get("OBS_DIR") or ".obs").absolute()
        self._clock, self._notes, self._also = clock, notes, also
        self._posted = Posted()
        self._is_halted = False
        _prepare(self.directory)
        self._arrivals = Arrivals(self.directory, follow=follow, timezone=timezone)
        try:
            self.vault = Vault(store or self.directory / "obs.db")
        except BaseException:
            self._arrivals.close()
            raise
        self.outlet = Outlet(self.directory, budget=budget, lang=lang, templates=templates)
        self._showing = Showing(self.snapshot, self.outlet, audience, clock)
        self._analyzer = Analyzer(ruleset, expected=expected)
        told = self._analyzer.expected
        self._chronicle = Chronicle(zone=told.timezone, prices=told.prices, clock=clock)
        keeper = Keeper(self.vault.store, self.directory, history or Bounds(), clock=clock)
        self._upkeep = Upkeep(keeper, self.directory, clock)
        self.exporter = self._exporting(destination)
        self._said: tuple[str, ...] = ()
        """What a reader has to know of the settings in force."""
        self._refused = ""
        """What was wrong with the settings or rules that were changed last; empty while they are in force."""
        self._to_follow: Orders | None = None
        """Names other files to follow, as soon as all that was taken is stored."""
        self._requests = Requests()
        self._errors = 0
        self._is_half_taken = False
        self._commit_at = 0.0
        self._guard = PoisonGuard(self.directory, self.vault.saved.notes)
        self._resume()
        # Stored before anything is taken: a start that ends badly must be known at the next one.
        self._is_dirty = True
        self.commit()
        if self.exporter is not None:
            self.exporter.start()

    @property
    def state(self) -> State:
        """What is remembered; not to be changed."""
        return self._analyzer.state

    @property
    def intake(self) -> Intake:
        """The door for events that do not come by the spool."""
        return self._intake

    @property
    def has_living_writers(self) -> bool:
        """Whether any bot that writes into this spool is not known to have ended."""
        return any(not writer.get("is_ended") for writer in self._arrivals.writers.values())

    @property
    def pending_bytes(self) -> int:
        """At most so many bytes of spool and files wait to be read."""
        return self._arrivals.pending_bytes

    @property
    def waiting_events(self) -> int:
        """About so many events of other threads wait; may be asked from any thread."""
        return self._arrivals.waiting_events

    @property
    def fault(self) -> str:
        """What keeps us from storing or showing, in words; empty while all is well."""
        return self.vault.fault or self.outlet.fault

    def adopt(self, orders: Orders) -> None:
        """Go on with other settings; what is remembered, waits or is on its way stays.

        Only for the thread that runs the sidecar: see `post`.
        """
        self._upkeep.keeper.bounds = orders.history
        self._analyzer.rules, self._analyzer.expected = orders.ruleset, orders.expected
        self._chronicle.adopt(zone=orders.expected.timezone, prices=orders.expected.prices)
        self.outlet.budget, self.outlet.lang = orders.budget, orders.lang
        self.outlet.templates = orders.templates
        if not self._arrivals.is_following(orders.follow, orders.timezone):
            self._to_follow = orders
            self._is_dirty = True
        self._redirect(orders.destination)
        self._said, self._refused = orders.said, ""
        self._showing.touch()

    def refuse(self, what: str) -> None:
        """Say on the page that changed settings or rules are wrong and those from before go on.

        Args:
            what: One sentence of ours.
        """
        self._refused = what
        self._showing.touch()

    def post(self, work: Callable[[], None]) -> None:
        """Have something done between two steps, by the thread that runs them; from any thread."""
        self._posted.put(work)

    def offer(self, event: Event) -> None:
        """Hand over an event of another source from any thread; waits while too many wait already."""
        self._arrivals.offer(event)

    def accept(self, event: Event) -> bool:
        """Fold one event of another source (a followed file); False when it was dropped, which is counted."""
        self._is_dirty = True
        self._showing.touch()
        return self._intake.accept(event)

    def step(self, limit: int = STEP_LINES) -> int:
        """Take one slice of what waits; store, answer and draw when that is due.

        Returns:
            How many records were taken: 0 when there was nothing new.

        Raises:
            SpoolBusyError: If another sidecar has taken the directory over; nothing may be touched any more.
            StoreTakenError: The same, seen in the store.
        """
        self._posted.do()
        # Looked at before the poll: what stood in the spool when they were made is in this poll or later.
        asked = flush_requests(self.directory)
        if not self._may_take():
            self._arrivals.not_looked_at()
            self._present()
            return 0
        try:
            batch = self._arrivals.spool(1 if self._guard.is_careful else limit)
            self._guard.about_to_take(batch.lines)
            self._intake.take(batch)
            self._own.folded(batch.lines, self._clock())
            came = self._arrivals.others(limit)
            for event in came.events:
                self._intake.accept(event)
            for reason, count in came.losses.items():
                self._ledger.lose(reason, self._clock(), count)
        except SpoolBusyError:
            raise
        except Exception as error:  # noqa: BLE001 - the loop goes on; what was half taken is taken again
            self._start_over(error)
            return 0
        self._note(batch, has_more=bool(came.events or came.losses))
        if self._is_dirty and (self._guard.is_careful or time.monotonic() >= self._commit_at):
            self.commit()
        self._requests.answer(asked, batch, self.pending_bytes, self._finish)
        self._present()
        return len(batch.lines) + len(came.events)

    def flush(self, timeout: float = DRAIN_SECONDS) -> bool:
        """Take in all that is in the spool, store it and write the files.

        Args:
            timeout: Seconds; what is left then stays in the spool, nothing is lost.

        Returns:
            Whether all was taken, stored and shown.
        """
        deadline = time.monotonic() + timeout
        while (self.step() or self.pending_bytes) and time.monotonic() < deadline:
            if self._arrivals.is_only_held:
                time.sleep(POLL_SECONDS[0])
        return self._finish() and not self.pending_bytes

    def snapshot(self) -> Snapshot:
        """Return the picture of this moment."""
        taken = self._analyzer.snapshot(
            now=self._clock(), live=True, lifecycle=self.vault.lifecycle, losses=self._ledger.losses()
        )
        readings = taken.readings
        histograms = {**readings.histograms, **self._own_stored}
        taken = msgspec.structs.replace(
            taken, readings=msgspec.structs.replace(readings, histograms=histograms)
        )
        notices = (
            *filter(None, (self._refused, *self._said, self._upkeep.keeper.said)),
            *filter(None, (self.exporter.said if self.exporter is not None else "",)),
            *self._arrivals.refused,
            *self.vault.notices,
        )
        if not notices:
            return taken
        return msgspec.structs.replace(taken, not_known=(*taken.not_known, *notices))

    def frozen_metrics(self, bot: str = "") -> Callable[[], PerformanceMetricsCalculator]:
        """Return what makes, in any thread, the calculator of this moment over a copy of the book.

        Only for the thread that runs the sidecar: see `post`.

        Args:
            bot: Of this bot alone, whose part of the book is all that is copied; empty: of all.
        """
        metrics = self._analyzer.metrics(self._clock())
        return (metrics.of(bot) if bot else metrics).frozen()

    def commit(self) -> bool:
        """Store checkpoint, State and ledger in one transaction, then let the spool delete what is in it.

        Returns:
            False when the store refused; all is kept in memory and in the spool, and tried again.

        Raises:
            StoreTakenError: If another sidecar has taken the directory over.
        """
        if self._is_half_taken:
            return False
        if not self._is_dirty:
            return True
        began = time.monotonic()
        self._commit_at = began + RETRY_SECONDS
        notes = {
            **self._notes(),
            **self._guard.notes(),
            "ledger": self._ledger.encode(),
            "meters": self._own.encode(),
            **({EXPORT: self.exporter.note()} if self.exporter is not None else {}),
        }
        if not self.vault.save(
            self._arrivals.checkpoints(), self.state.encode(), notes, self._chronicle.pending()
        ):
            return False
        if self._to_follow is not None:
            self._arrivals.follow(self._to_follow.follow, self._to_follow.timezone)
            self._to_follow = None
        self._chronicle.stored()
        self._arrivals.release()
        self._is_dirty = False
        self._own_stored = self._own.histograms()
        if self.exporter is not None:
            self.exporter.stored()
        self._showing.stored()
        self._guard.progressed()
        now = time.monotonic()
        self._commit_at = now + max(COMMIT_SECONDS, (now - began) * COMMIT_SHARE)
        return True

    async def run(self, stop: Told, *, hurry: Told | None = None, idle_exit: float = 0.0) -> None:
        """Do as `work` does, in a thread of its own; return when it has ended.

        Args and Raises: as `work`. If it is cancelled, what is folded is stored and the rest stays.
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1, thread_name_prefix="obs-fold") as thread:
            try:
                await asyncio.get_running_loop().run_in_executor(
                    thread, partial(self.work, stop, hurry=hurry, idle_exit=idle_exit)
                )
            finally:
                self._is_halted = True

    def work(self, stop: Told, *, hurry: Told | None = None, idle_exit: float = 0.0) -> None:
        """Work until asked to stop, then drain for at most `DRAIN_SECONDS`.

        Args:
            stop: Set to stop.
            hurry: Set to stop without draining: what is folded is stored, the rest stays in the spool.
            idle_exit: Stop by itself so many seconds after the last bot has ended; 0 is never.

        Raises:
            SpoolBusyError: If another sidecar has taken the directory over.
            StoreTakenError: The same.
        """
        pause, idle_since = POLL_SECONDS[0], time.monotonic()
        while not (stop.is_set() or self._is_halted):
            taken = self.step()
            if taken or self.pending_bytes or self.has_living_writers:
                idle_since = time.monotonic()
            if idle_exit and time.monotonic() - idle_since > idle_exit:
                break
            pause = POLL_SECONDS[0] if taken else min(pause * 1.5, POLL_SECONDS[1])
            if self.pending_bytes and not self._arrivals.is_only_held:
                time.sleep(0)
            else:
                self._posted.wait(pause)
        deadline = time.monotonic() + DRAIN_SECONDS
        while (self.step() or self.pending_bytes) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS[0] if self._arrivals.is_only_held else 0)
            if self._is_halted or (hurry is not None and hurry.is_set()):
                break
        self._finish()
        self._show()

    def close(self) -> None:
        """Let go of the directory; what was not stored is read again by the next sidecar."""
        if self.exporter is not None:
            self.exporter.close()
        self.vault.close()
        self._arrivals.close()

    def __enter__(self) -> Sidecar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _resume(self) -> None:
        """Set everything to what the store holds."""
        saved = self.vault.saved
        self._arrivals.rewind(saved.checkpoints)
        try:
            state = State.decode(saved.state) if saved.state is not None else State()
            self._ledger = Ledger.decode(saved.notes["ledger"]) if "ledger" in saved.notes else Ledger()
            self._own = OwnMeters.decode(saved.notes["meters"]) if "meters" in saved.notes else OwnMeters()
        except (msgspec.DecodeError, ValueError):
            state, self._ledger, self._own = State(), Ledger(), OwnMeters()
            self.vault.notice("what was remembered is of another version of obs: counts start anew")
        self.vault.unpacked()
        self._own_stored = self._own.histograms()
        """Of our own figures only what is stored is shown: no restart takes any of it back."""
        self._analyzer = Analyzer(self._analyzer.rules, state=state, expected=self._analyzer.expected)
        self._intake = Intake(self._analyzer, self._ledger, also=self._also, clock=self._clock)
        self._chronicle.forget(self.vault.batch)
        # What was told of trades and is not stored is told again.
        self._settled, self._credits_at = Settled(), 0.0
        self._analyzer.listeners.append(self._chronicle)
        if self.exporter is not None:
            self.exporter.resume(saved.notes.get(EXPORT))
            self._analyzer.listeners.append(self.exporter)
            self._intake.is_whole = self.exporter.wants_all
        audience = self._showing.audience
        self._intake.watch(audience.onlooker if audience is not None else None)
        self._intake.poison = self._guard.poison
        self._intake.living = {
            process: str(writer.get("resource", {}).get("service.name") or "")
            for process, writer in self._arrivals.writers.items()
            if not writer.get("is_ended")
        }
        self._is_dirty = False
        self._showing.touch()

    def _redirect(self, destination: Destination | None) -> None:
        """Send by OpenTelemetry to another place; what waits is sent there."""
        if self.exporter is not None:
            self.exporter.redirect(destination)
        elif (exporter := self._exporting(destination)) is not None:
            self.exporter = exporter
            self.exporter.resume(self.vault.saved.notes.get(EXPORT))
            self._analyzer.listeners.append(self.exporter)
            self.exporter.start()
        self._intake.is_whole = self.exporter is not None and self.exporter.wants_all

    def _exporting(self, destination: Destination | None) -> Exporter | None:
        """Return what sends by OpenTelemetry; where it cannot be had, the rest works and the page says so."""
        if destination is None:
            return None
        try:
            # Whoever sends nothing loads none of it.
            from obs.exporting.exporter import Exporter

            return Exporter(self.directory, destination, clock=self._clock)
        except Exception as error:  # noqa: BLE001 - a library that is missing or broken, a folder that refuses
            self.vault.notice(f"nothing is sent by OpenTelemetry ({type(error).__name__}: {error})")
            return None

    def _note(self, batch: SpoolBatch, *, has_more: bool) -> None:
        if self._arrivals.note(batch) or has_more:
            self._is_dirty = True
        if has_more or not batch.is_empty:
            self._showing.touch()

    def _show(self) -> None:
        """Show the picture to the audience; what goes wrong there is theirs and costs one picture."""
        try:
            self._showing.show(fault=self.fault, pending_bytes=self.pending_bytes)
        except Exception as error:  # noqa: BLE001 - the fold goes on
            self.vault.notice(f"a picture could not be shown ({type(error).__name__})")
        if not self._is_dirty:
            self._showing.stored()

    def _present(self) -> None:
        """Show and draw what is due, and look after ourselves."""
        if self._showing.is_audience_due:
            self._show()
        if self.exporter is not None:
            self.exporter.show(self._showing.picture)
        if self._showing.is_drawing_due:
            self._draw()
        self._look_around()

    def _draw(self) -> bool:
        ends, self._intake.exits = frozenset(self._intake.exits), set()
        began = time.monotonic()
        is_drawn = self._showing.draw(ends)
        self._own.drawn(time.monotonic() - began)
        if not is_drawn:
            self._intake.exits |= ends
        return is_drawn

    def _finish(self) -> bool:
        return self.commit() and self._draw()

    def _start_over(self, error: Exception) -> None:
        """Forget what is not stored and take it again: nothing half taken may be stored."""
        self._errors += 1
        self.vault.notice(f"had to start over from the last stored state ({type(error).__name__}: {error})")
        self._is_half_taken = True
        self._forget_half_taken()
        time.sleep(min(0.05 * self._errors, RETRY_SECONDS))

    def _forget_half_taken(self) -> bool:
        """Go back to what is stored; False while the store refuses: till then nothing is taken or stored."""
        notices = self.vault.notices
        try:
            self.vault.load()
        except StoreError as error:
            self.vault.fault = str(error)
            return False
        self.vault.notices = notices
        self._resume()
        self._is_half_taken = False
        return True

    def _may_take(self) -> bool:
        """Whether more may be taken: while a store refuses what may not be lost, the spool keeps the rest."""
        if not (self._is_half_taken or self._chronicle.is_full):
            return True
        if time.monotonic() < self._commit_at:
            time.sleep(POLL_SECONDS[1])
            return False
        if self._is_half_taken:
            self._commit_at = time.monotonic() + RETRY_SECONDS
            return self._forget_half_taken()
        return self.commit()

    def _look_around(self) -> None:
        decided = self.vault.lifecycle
        self.vault.look()
        # What a person decided in another process shows without a new event.
        if self.vault.lifecycle != decided:
            self._showing.touch()
        if self._upkeep.tick(self.state, self._arrivals.writers.values()):
            self._is_dirty = True
            self._showing.touch()
        if time.monotonic() >= self._credits_at:
            self._credits_at = time.monotonic() + CREDITS_SECONDS
            self._credit()

    def _credit(self) -> None:
        """Keep what agents are credited with of trades that are over."""
        now = self._clock()
        computed = list(self._settled.credits(self._analyzer.metrics(now).ledger, now))
        if computed:
            self._chronicle.credited(computed)
            self._is_dirty = True


def _prepare(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ignore = directory / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="ascii")
