"""What each event counts as: the way from the words a bot speaks to the meters.

Of `run.mode=backtest` nothing is counted. Words outside a closed set count as `other`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from obs.books.facts import decimal
from obs.events import Event
from obs.meters import Meters
from obs.money.entries import mode_of, name, uid_of
from obs.readings import OTHER, Latest, Mark

if TYPE_CHECKING:
    from obs.money.entries import LlmCall

__all__ = ["mark_of", "tell"]

MODES = {"live": "live", "paper": "simulated"}
OUTCOMES = ("submitted", "accepted", "denied", "rejected", "filled", "canceled", "expired")
DENIED = frozenset({"halted", "reducing", "notional", "balance", "rate_limit", "duplicate"})
REJECTED = frozenset({"timeout", "rate_limit", "auth", "invalid", "server"})
ANOMALIES = frozenset(
    {
        "trade_frequency", "losing_streak", "slippage", "api_errors", "unresponsive", "price_move",
        "volume_spike", "funding", "book_imbalance", "daily_loss",
    }
)  # fmt: skip
SEVERITIES = frozenset({"low", "medium", "high", "critical"})
EXACT = Decimal("1e-9")
"""To which amounts are summed: sums stay exact in any order."""
MOST_DIGITS = 15
MOST_SECONDS = Decimal(1_000_000)
"""What is said to have taken longer is no duration."""
MOST_TOKENS = 10**9
"""Of one call."""
MAX_ID = 64
IDS = 128
"""Characters that the ids of one mark may have together with their names: what OpenMetrics allows."""
ISSUE = len("issue") + len("I-000000")
"""So many are left free, for an issue that is only found later."""


class _Said:
    """One event and what is needed of it."""

    def __init__(
        self, event: Event, service: str, evidence: str, issue: str, call: LlmCall | None, meters: Meters
    ) -> None:
        self.event, self.values, self.service = event, event.attributes, service
        self.evidence, self.issue, self.call, self.meters = evidence, issue, call, meters

    @property
    def mode(self) -> str:
        return MODES.get(mode_of(self.values), "unknown")

    @property
    def currency(self) -> str:
        return name(self.values, "currency") or "?"

    def mark(self, value: Decimal = Decimal(1)) -> Mark | None:
        return mark_of(self.event, self.evidence, self.issue, value)

    def count(self, metric: str, *labels: str) -> None:
        self.meters.count(metric, *labels, mark=self.mark())

    def observe(self, metric: str, label: str, value: Decimal | None) -> None:
        if value is not None:
            self.meters.observe(metric, label, value=value, mark=self.mark(value))

    def latest(self, metric: str, *labels: str, value: Decimal | None, word: str = "") -> None:
        if value is not None:
            said = Latest(self.event.time, uid_of(self.event), value, word)
            self.meters.say(metric, *labels, latest=said)

    def seconds(self, key: str) -> Decimal | None:
        """A duration in ms as seconds; None when there is none."""
        told = decimal(self.values.get(key))
        if told is None or not 0 <= told <= MOST_SECONDS * 1_000:
            return None
        return (told / 1_000).quantize(EXACT)


def tell(
    meters: Meters, event: Event, service: str, *, evidence: str = "", issue: str = "", call: LlmCall | None
) -> None:
    """Count one event that speaks the vocabulary.

    Args:
        meters: Where.
        event: The translated, redacted event.
        service: The bot.
        evidence: Id under which the event is quoted.
        issue: Fingerprint of the issue it belongs to, if any.
        call: The call of a language model that it tells of.
    """
    if event.attributes.get("run.mode") == "backtest":
        return
    said = _Said(event, service, evidence, issue, call, meters)
    if call is not None:
        _call(said, call)
    elif (teller := _TELLERS.get(event.event_name)) is not None:
        teller(said)


def mark_of(event: Event, evidence: str, issue: str, value: Decimal = Decimal(1)) -> Mark | None:
    """Return the event as one that stands for a number; None when it belongs to nothing one could look up."""
    values = event.attributes
    found = {
        "issue": f"I-{issue[:6]}" if issue else "",
        "trace_id": event.trace_id,
        "decision": name(values, "decision.id"),
        "order": name(values, "order.id"),
    }
    ids: list[tuple[str, str]] = []
    left = IDS - (0 if issue else ISSUE) - len("evidence") - len(evidence)
    for key, text in found.items():
        if _is_id(text) and len(key) + len(text) <= left:
            ids.append((key, text))
            left -= len(key) + len(text)
    if not ids:
        return None
    if evidence:
        ids.append(("evidence", evidence))
    return Mark(event.time, uid_of(event), value, tuple(ids))


def _is_id(text: str) -> bool:
    # Not every reader of exemplars knows what is escaped in them.
    return 0 < len(text) <= MAX_ID and text.isprintable() and '"' not in text and "\\" not in text


def _position(said: _Said) -> None:
    # A program's line that tells of the position may tell of its order's fill too.
    if told := name(said.values, "order.event"):
        _ordered(said, told)


def _order(said: _Said) -> None:
    _ordered(said, said.event.event_name)


def _ordered(said: _Said, told: str) -> None:
    outcome = told.removeprefix("order.")
    if outcome not in OUTCOMES:
        return
    left = decimal(said.values.get("order.remaining"))
    if outcome == "filled" and left is not None and left > 0:
        outcome = "partly_filled"
    said.count("trading_orders_total", said.service, outcome)
    if outcome == "denied":
        said.count("trading_orders_refused_total", outcome, _among(said.values.get("reason"), DENIED))
    if outcome == "rejected":
        said.count("trading_orders_refused_total", outcome, _among(said.values.get("error.type"), REJECTED))
    said.observe("trading_order_latency_seconds", said.service, said.seconds("latency_ms"))
    if told == "order.filled" and said.values.get("reconciliation") is not True:
        _fill(said)


def _fill(said: _Said) -> None:
    values = said.values
    price, quantity = decimal(values.get("fill.price")), decimal(values.get("fill.quantity"))
    if price is not None and quantity is not None:
        _add(said, "trading_volume_total", said.currency, abs(price * quantity))
    fee = decimal(values.get("fill.fee"))
    if fee is not None and fee > 0:
        _add(said, "trading_fees_total", name(values, "fill.fee_currency") or said.currency, fee)
    slipped = decimal(values.get("slippage.ratio"))
    if slipped is None:
        slipped = _slipped(values, price)
    if slipped is not None and abs(slipped) <= 10:
        worse = max(slipped, Decimal(0)).quantize(EXACT)
        said.observe("trading_slippage_ratio", said.service, worse)


def _slipped(values: Mapping[str, Any], price: Decimal | None) -> Decimal | None:
    reference = decimal(values.get("order.reference_price"))
    sign = {"buy": 1, "sell": -1}.get(str(values.get("order.side")).lower())
    if price is None or sign is None or reference is None or reference <= 0:
        return None
    return sign * (price - reference) / reference


def _add(said: _Said, metric: str, currency: str, amount: Decimal) -> None:
    if amount.adjusted() < MOST_DIGITS:
        said.meters.sum(metric, said.service, said.mode, currency, amount=amount.quantize(EXACT))


def _equity(said: _Said) -> None:
    values = said.values
    for key, metric in (
        ("equity", "trading_equity"),
        ("equity.peak", "trading_equity_peak"),
        ("pnl.day", "trading_pnl_day"),
    ):
        account = name(values, "account.id")
        labels = (said.service, account, said.currency)
        said.latest(metric, *labels, value=decimal(values.get(key)), word=said.mode)
    said.latest("trading_drawdown_ratio", said.service, value=_size(values.get("drawdown.ratio")))
    said.latest("trading_exposure_ratio", said.service, value=_size(values.get("exposure.ratio")))


def _size(value: object) -> Decimal | None:
    told = decimal(value)
    return abs(told) if told is not None else None


def _heartbeat(said: _Said) -> None:
    said.latest("trading_loop_duration_seconds", said.service, value=said.seconds("loop.duration_ms"))
    offset = decimal(said.values.get("clock.offset_ms"))
    said.latest(
        "trading_clock_offset_seconds", said.service, value=offset / 1_000 if offset is not None else None
    )
    said.latest(
        "trading_bot_memory_bytes", said.service, value=decimal(said.values.get("process.memory.usage"))
    )
    said.latest("trading_orders_open", said.service, value=decimal(said.values.get("orders.open")))


def _api(said: _Said) -> None:
    exchange = name(said.values, "exchange.id") or name(said.values, "server.address") or "unknown"
    status = decimal(said.values.get("http.response.status_code"))
    failed = bool(said.values.get("error.type")) or (status is not None and status >= 400)
    said.count("trading_api_requests_total", exchange, "failed" if failed else "ok")
    said.observe("trading_api_duration_seconds", exchange, said.seconds("duration_ms"))


def _signal(said: _Said) -> None:
    said.count("trading_signals_total", said.service)


def _filtered(said: _Said) -> None:
    gate = name(said.values, "filter") or name(said.values, "reason") or "unknown"
    said.count("trading_signals_filtered_total", said.service, gate)


def _decision(said: _Said) -> None:
    said.count("trading_decisions_total", said.service)


def _anomaly(said: _Said) -> None:
    kind = _among(said.values.get("anomaly.kind"), ANOMALIES)
    began = said.event.event_name == "anomaly.detected"
    if began:
        severity = _among(said.values.get("anomaly.severity"), SEVERITIES)
        said.count("trading_anomalies_total", kind, severity)
    key = name(said.values, "anomaly.id") or f"{kind} {name(said.values, 'symbol')}"
    said.latest("trading_anomalies_active", said.service, key, value=Decimal(began), word=kind)


def _breaker(said: _Said) -> None:
    tripped = said.event.event_name == "circuit_breaker.tripped"
    if tripped:
        said.count("trading_breaker_trips_total", said.service)
    said.latest("trading_breaker_tripped", said.service, value=Decimal(tripped))


def _message(said: _Said) -> None:
    outcome = said.event.event_name.removeprefix("notification.")
    said.count("trading_notifications_total", name(said.values, "channel") or "unknown", outcome)


def _call(said: _Said, call: LlmCall) -> None:
    who = (said.service, call.agent, call.model or "unknown")
    outcome = "failed" if call.error else "cut" if call.is_cut else "ok"
    said.count("trading_llm_calls_total", *who, outcome)
    for kind, tokens in (
        ("input", call.input_tokens),
        ("cached", call.cached_tokens),
        ("output", call.output_tokens),
        ("reasoning", call.reasoning_tokens),
    ):
        if tokens and tokens <= MOST_TOKENS:
            said.meters.count("trading_llm_tokens_total", *who, kind, by=tokens)
    if call.cost is not None and call.cost >= 0 and call.cost.adjusted() < MOST_DIGITS:
        said.meters.sum("trading_llm_cost_total", *who, call.currency, amount=call.cost.quantize(EXACT))
    if call.basis == "unpriced":
        said.count("trading_llm_unpriced_calls_total", call.model or "unknown")
    said.observe("trading_llm_duration_seconds", call.model or "unknown", said.seconds("duration_ms"))


def _among(value: object, known: frozenset[str]) -> str:
    return value if isinstance(value, str) and value in known else OTHER


_TELLERS: Mapping[str, Callable[[_Said], None]] = {
    **{f"order.{outcome}": _order for outcome in OUTCOMES},
    **dict.fromkeys(("position.opened", "position.changed", "position.closed"), _position),
    "equity.measured": _equity,
    "heartbeat": _heartbeat,
    "api.requested": _api,
    "signal.generated": _signal,
    "signal.filtered": _filtered,
    "decision.made": _decision,
    **dict.fromkeys(("anomaly.detected", "anomaly.cleared"), _anomaly),
    **dict.fromkeys(("circuit_breaker.tripped", "circuit_breaker.reset"), _breaker),
    **dict.fromkeys(("notification.sent", "notification.failed"), _message),
}  # fmt: skip
