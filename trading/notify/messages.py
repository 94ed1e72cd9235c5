"""What the messages say: facts in, a `Message` out, by one Jinja template for each kind and language.

Everything a template inserts is escaped, unless a filter made it marked text itself. The layout of the daily
message is a contract: people and scripts read it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from trading import amounts
from trading.notify.markup import escape, to_plain
from trading.notify.message import Message, Severity
from trading.reporting.facts import NONE, ActionFacts, DailyFacts, SignalFacts, TradeFacts, WeeklyFacts

if TYPE_CHECKING:
    import jinja2

__all__ = ["Language", "daily", "error", "rebalancing", "weekly"]

Language = Literal["ko", "en"]

_LONGEST_LINE = 300

_KOREAN = {
    "confidence": "신뢰도",
    "volatility": "변동성",
    "correlation": "상관계수",
    "regime": "시장 국면",
    "halted": "거래 정지",
    "cooldown": "재진입 대기",
    "rebalance": "비중 조정",
    "breaker": "서킷 브레이커",
    "manual": "수동",
    "liquidation": "강제 청산",
    "no price": "시세 없음",
    "open": "신규 매수",
    "increase": "추가 매수",
    "reduce": "일부 매도",
    "close": "전량 매도",
    "signal": "신호",
    "stop_loss": "손절매",
    "stop loss": "손절매",
    "take_profit": "이익 실현",
    "take profit": "이익 실현",
}
"""The core's own words for gates and reasons; any other text is shown as it is."""


class _Marked(str):
    """Text that is marked already: it is inserted as it is."""


def daily(facts: DailyFacts, language: Language = "ko") -> Message:
    """Return the message after the close: totals, then every signal with its figures and its reason."""
    by_action = {
        action: [signal for signal in facts.signals if signal.action == action]
        for action in ("buy", "sell", "hold")
    }
    gates = Counter(filtered.filter for filtered in facts.filtered)
    body = _written(
        f"daily.{language}",
        facts.currency,
        language,
        facts=facts,
        buys=by_action["buy"],
        sells=by_action["sell"],
        holds=by_action["hold"],
        gates=[f"{_word(gate, language)} {times}" for gate, times in gates.most_common()],
        findings=sum(finding.count for finding in facts.findings),
    )
    return Message(
        kind="daily",
        key=_key("daily", facts.calendar, facts.as_of),
        title=f"{_first_line(body)} {facts.as_of}",
        body=body,
        severity="warning" if facts.failures else "info",
        short=_short_daily(facts, by_action, language),
        language=language,
    )


def rebalancing(facts: DailyFacts, language: Language = "ko") -> Message:
    """Return what shall be done at the next open: each action with its quantity and both its weights."""
    kinds = {
        kind: [action for action in facts.actions if action.kind == kind]
        for kind in ("open", "increase", "reduce", "close", "keep")
    }
    changes = [action for action in facts.actions if action.kind != "keep"]
    body = _written(
        f"rebalancing.{language}",
        facts.currency,
        language,
        facts=facts,
        changes=changes,
        kept=kinds["keep"],
        opens=kinds["open"],
        increases=kinds["increase"],
        reduces=kinds["reduce"],
        closes=kinds["close"],
        value=_value,
    )
    return Message(
        kind="rebalancing",
        key=_key("rebalancing", facts.calendar, facts.as_of),
        title=f"{_first_line(body)} {facts.as_of}",
        body=body,
        short=f"{_first_line(body)} {facts.as_of}: "
        + ", ".join(
            f"{action.symbol} {_word(action.kind, language)} {amounts.quantity(action.quantity)}"
            for action in changes
        ),
        language=language,
    )


def weekly(facts: WeeklyFacts, language: Language = "ko") -> Message:
    """Return the summary of a week: performance, each session, trades, and what the next week looks like."""
    win_rate = facts.wins / facts.settled if facts.settled else NONE
    body = _written(f"weekly.{language}", facts.currency, language, facts=facts, win_rate=win_rate)
    title = f"{_first_line(body)} {facts.first} ~ {facts.last}"
    return Message(
        kind="weekly",
        key=_key("weekly", facts.calendar, facts.last),
        title=title,
        body=body,
        severity="warning" if facts.failures else "info",
        short=f"{title}: {amounts.signed_percent(facts.week_return)}",
        language=language,
    )


def error(
    what: str,
    *,
    where: str,
    at_ns: int,
    as_of: date | None = None,
    why: str = "",
    done: str = "",
    mend: str = "",
    severity: Severity = "error",
    key: str = "",
    zone: str = "Asia/Seoul",
    language: Language = "ko",
    cause: str = "",
) -> Message:
    """Return the message about a failure: what, where, why, what was done already and what is left to do.

    Args:
        what: What failed, one sentence.
        where: The step, bot or part.
        at_ns: When, ns since 1970 UTC.
        as_of: The session it was about.
        why: The error's own text; only its first lines up to 300 characters are shown, never a stack trace.
        done: What the program did about it.
        mend: What the operator shall do.
        severity: From `error` on it is delivered in quiet hours too.
        key: Names the failure; of one key only the first message is sent. Made of session, place and cause
            when empty.
        zone: The operator's time zone.
        language: Of the fixed words; the texts given are shown as they are.
        cause: Id of the event that led here.
    """
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).astimezone(ZoneInfo(zone))
    why = _without_trace(why)
    body = _written(
        f"error.{language}",
        "",
        language,
        what=what,
        where=where,
        why=why,
        done=done,
        mend=mend,
        severity=severity,
        as_of=as_of,
        at=f"{at:%Y-%m-%d %H:%M:%S} ({zone})",
    )
    title = f"{_first_line(body)}: {where}"
    named = hashlib.sha256(f"{what}|{why}".encode("utf-8", "replace")).hexdigest()[:12]
    return Message(
        kind="error",
        key=key or _key("error", where, as_of or f"{at:%Y-%m-%d}", named),
        title=title,
        body=body,
        severity=severity,
        short=" ".join(f"{title}: {what} {why}".split()),
        cause=cause,
        language=language,
    )


def _written(name: str, currency: str, language: Language, **values: object) -> str:
    template = _templates(currency, language).get_template(f"{name}.j2")
    return "\n".join(line.rstrip() for line in template.render(NONE=NONE, **values).split("\n")).strip("\n")


@cache
def _templates(currency: str, language: Language) -> jinja2.Environment:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # `finalize` escapes for our own markup
        finalize=lambda value: value if isinstance(value, _Marked) else escape(value),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "amount": partial(amounts.amount, currency=currency, language=language),
        "signed_amount": partial(amounts.signed_amount, currency=currency, language=language),
        "percent": amounts.percent,
        "signed_percent": amounts.signed_percent,
        "number": amounts.number,
        "quantity": amounts.quantity,
        "count": amounts.count,
        "code": _code,
        "line": _line,
        "some": _some,
        "word": partial(_word, language=language),
        "profits": _profits,
    }
    made.filters.update(filters)
    return made


def _word(word: str, language: Language) -> str:
    return _KOREAN.get(word, word) if language == "ko" else word


def _code(text: str) -> _Marked:
    return _Marked(f"`{escape(text)}`" if text else "")


def _line(text: str) -> str:
    flat = " ".join(text.split()) or "-"
    return flat if len(flat) <= _LONGEST_LINE else flat[: _LONGEST_LINE - 1] + "…"


def _some(symbols: Sequence[str], most: int = 10) -> str:
    rest = len(symbols) - most
    return ", ".join(symbols[:most]) + (f" … +{rest}" if rest > 0 else "")


def _profits(trades: Iterable[TradeFacts]) -> float | None:
    profits = [trade.profit for trade in trades]
    known = [profit for profit in profits if isinstance(profit, float | int)]
    return float(sum(known)) if len(known) == len(profits) else None


def _value(action: ActionFacts) -> float | None:
    return action.quantity * action.price if isinstance(action.price, float | int) else None


def _without_trace(text: str) -> str:
    # An error's text may drag its stack trace along: what is meant stands before or after it.
    before, trace, after = text.partition("Traceback (most recent call last)")
    if trace:
        lines = [line for line in after.splitlines() if line and not line[0].isspace()]
        text = before.strip() or (lines[-1] if lines else "")
    return _line(text) if text.strip() else ""


def _first_line(body: str) -> str:
    return to_plain(body.partition("\n")[0])


def _key(*parts: object) -> str:
    return ":".join(str(part) for part in parts if str(part))


def _short_daily(facts: DailyFacts, by_action: dict[str, list[SignalFacts]], language: Language) -> str:
    words = {"ko": ("장마감", "매수", "매도", "유지"), "en": ("Close", "buy", "sell", "hold")}[language]
    buys, sells, holds = (by_action[action] for action in ("buy", "sell", "hold"))

    def named(signals: list[SignalFacts]) -> str:
        return f" ({_some([signal.symbol for signal in signals], 5)})" if signals else ""

    return (
        f"[{words[0]}] {facts.as_of} {words[1]} {len(buys)}{named(buys)}, "
        f"{words[2]} {len(sells)}{named(sells)}, {words[3]} {len(holds)}"
    )
