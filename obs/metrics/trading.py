"""Snapshot -> the rows of all `trading_*` metrics."""

from __future__ import annotations

from collections.abc import Iterator

from obs.metrics.rows import Rows
from obs.metrics.table import TABLE
from obs.readings import Latest, Readings, label_values
from obs.snapshot import Snapshot
from obs.standing import BotStanding, Pulse

__all__ = ["MAX_BOTS", "gather"]

MAX_BOTS = 200
"""Bots whose standing is looked at, the first in order; what others counted is in `other` all the same."""
SIMULATED = ("paper", "dry run", "backtest")
STATES = frozenset({"starting", "running", "reducing", "halted", "stopped", "ended", "died"})
NS = 1e9
DAY_NS = 86_400 * 10**9
BESIDE = {
    "trading_orders_total": "rejected",
    "trading_api_requests_total": "failed",
    "trading_notifications_total": "failed",
}
"""What is told as 0 before it ever happened: the first of it is then seen as a rise."""


def gather(snapshot: Snapshot, rows: Rows) -> None:
    """Enter everything that bots said into the rows of a scrape."""
    standings = snapshot.standings[:MAX_BOTS]
    modes = {one.name: "simulated" if one.mode in SIMULATED else "live" for one in standings}
    _bots(snapshot, standings, modes, rows)
    _releases(snapshot.readings, rows)
    _positions(snapshot, rows)
    _results(snapshot, rows)
    _latest(snapshot.readings, modes, snapshot.taken_at, rows)
    _counted(snapshot.readings, rows)
    _models(snapshot, rows)
    _agents(snapshot.readings, rows)


def _bots(snapshot: Snapshot, standings: tuple[BotStanding, ...], modes: dict[str, str], rows: Rows) -> None:
    now = snapshot.taken_at
    for one in standings:
        state = one.state if one.state in STATES else "unknown"
        rows.put("trading_bot_info", one.name, modes[one.name], state, value=1)
        rows.put("trading_last_event_timestamp_seconds", one.name, value=one.last / NS)
        fed = 0
        for pulse in one.pulses:
            if pulse.stage == "heartbeats" and pulse.last:
                rows.put("trading_heartbeat_age_seconds", one.name, value=_since(now, pulse))
            if pulse.stage in ("ticks", "candles"):
                fed = max(fed, pulse.last)
            if pulse.stage != "records" and pulse.state in ("late", "on_time"):
                overdue = pulse.missing / NS if pulse.state == "late" else 0
                rows.put("trading_stage_overdue_seconds", one.name, pulse.stage, value=overdue)
        if fed:
            rows.put("trading_feed_age_seconds", one.name, value=max(0.0, (now - fed) / NS))


def _since(now: int, pulse: Pulse) -> float:
    return max(0.0, (now - pulse.last) / NS)


def _releases(readings: Readings, rows: Rows) -> None:
    for one in readings.releases:
        rows.put("trading_bot_build_info", one.service, one.version, one.commit, value=1)
        rows.put("trading_bot_release_timestamp_seconds", one.service, one.version, value=one.since / NS)


def _positions(snapshot: Snapshot, rows: Rows) -> None:
    for one in snapshot.standings[:MAX_BOTS]:
        if one.tells_positions:
            for name in ("trading_positions_open", "trading_positions_unprotected"):
                rows.put(name, one.name, value=0)
            rows.put("trading_unprotected_seconds", one.name, value=0)
    for held in snapshot.held:
        mode = "simulated" if held.is_simulated else "live"
        rows.put("trading_positions_open", held.service, value=1)
        if held.protection == "none":
            rows.put("trading_positions_unprotected", held.service, value=1)
            since = (snapshot.taken_at - held.unprotected_at) / NS if held.unprotected_at else 0
            rows.put("trading_unprotected_seconds", held.service, value=max(0, since))
        if held.value is not None:
            rows.put("trading_exposure", held.service, mode, held.currency, value=held.value)
        if held.unrealized is not None:
            rows.put("trading_pnl_unrealized", held.service, mode, held.currency, value=held.unrealized)


def _results(snapshot: Snapshot, rows: Rows) -> None:
    for one in snapshot.readings.results:
        rows.put("trading_pnl_realized", one.service, one.mode, one.currency, value=one.pnl)
        even = one.settled - one.won - one.lost
        for result, count in (("won", one.won), ("lost", one.lost), ("even", even)):
            rows.put("trading_trades", one.service, one.mode, result, value=count)
    money = snapshot.money
    if money is None:
        return
    mode = "simulated" if money.is_simulated else "live"
    for amount in money.total_pnl_today:
        rows.put("trading_pnl_today", mode, amount.currency, value=amount.amount)
    if money.simulated is not None:
        for amount in money.simulated.pnl:
            rows.put("trading_pnl_today", "simulated", amount.currency, value=amount.amount)


def _latest(readings: Readings, modes: dict[str, str], now: int, rows: Rows) -> None:
    for name in ("trading_equity", "trading_equity_peak", "trading_pnl_day"):
        for (service, _, currency), said in _said(readings, name):
            if name == "trading_pnl_day" and now - said.time > DAY_NS:
                # It was another day's.
                continue
            mode = said.word if said.word != "unknown" else modes.get(service, "live")
            rows.put(name, service, mode, currency, value=said.value)
    for name in (
        "trading_drawdown_ratio",
        "trading_exposure_ratio",
        "trading_loop_duration_seconds",
        "trading_clock_offset_seconds",
        "trading_bot_memory_bytes",
        "trading_orders_open",
        "trading_breaker_tripped",
    ):
        for (service,), said in _said(readings, name):
            rows.put(name, service, value=said.value)
    for (service, _), said in _said(readings, "trading_anomalies_active"):
        rows.put("trading_anomalies_active", service, said.word, value=said.value)


def _said(readings: Readings, name: str) -> Iterator[tuple[tuple[str, ...], Latest]]:
    for key, said in readings.latest.get(name, {}).items():
        yield label_values(key), said


def _counted(readings: Readings, rows: Rows) -> None:
    for name, counts in readings.counts.items():
        if name in TABLE and name != "obs_events_total":
            rows.count(name, counts)
            if name in BESIDE:
                for whose in {label_values(key)[0] for key in counts}:
                    rows.put(name, whose, BESIDE[name], value=0)
    for name, sums in readings.sums.items():
        if name in TABLE:
            rows.add(name, sums)
    for name, histograms in readings.histograms.items():
        if name in TABLE:
            rows.spread(name, histograms)


def _models(snapshot: Snapshot, rows: Rows) -> None:
    money = snapshot.money
    if money is None:
        return
    for amount in money.total_cost_today:
        rows.put("trading_llm_cost_today", amount.currency, value=amount.amount)
    if money.budget is not None:
        rows.put("trading_llm_budget", money.budget.currency, value=money.budget.amount)


def _agents(readings: Readings, rows: Rows) -> None:
    for one in readings.agents:
        for currency, amount in one.contribution:
            rows.put("trading_agent_contribution", one.agent, one.mode, currency, value=amount)
        if one.efficiency is not None:
            rows.put("trading_agent_efficiency_ratio", one.agent, one.mode, value=one.efficiency)
        if one.hits is not None:
            rows.put("trading_agent_hit_ratio", one.agent, one.mode, value=one.hits)
