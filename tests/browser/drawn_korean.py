"""The drawn trouble in Korean: the same day, every word in the reader's language."""

from __future__ import annotations

from msgspec.structs import replace

from obs.web.model import Amount, Badge, ChangeRow, IssueRow, Page, Rhythm, RhythmRow, Rich, Span
from tests.browser.drawn import act_now
from tests.browser.drawn_issues import FILLED
from tests.browser.spans import ago, code, only, plain, strong

__all__ = ["act_now_ko"]

ROWS = (
    ("BTC/USDT 손절 주문 없음: 거래소가 거절",
     "3단계 계획, 8분. 원인: 0.4.3이 소수 5자리 전송, 호가 단위 0.01",
     "신규", "무방비"),
    ("살아 있지만 일하지 않음: 장중 2시간 14분째 캔들 없음", "KRX 데이터 세션을 갱신하고 피드만 재시작하세요",
     "지속", "청산 판단 불가"),
    ("Bybit 비공개 API 장애: 사건 1건, 증상 10개", "코드 문제가 아닙니다. 복구될 때까지 진입을 멈추세요",
     "악화", "손절 유지됨"),
    ("news-agent 반복 호출: 20분간 거의 같은 호출 41회",
     "news-agent를 시간당 6회로 제한하세요. 예산은 11:54에 소진",
     "신규", "지출 중"),
    ("비밀 값 기록됨: 텔레그램 봇 토큰, 마스킹, 3회", "토큰을 교체하세요. 마스킹해도 이미 노출되었습니다",
     "재발", "연결된 금액 없음"),
)  # fmt: skip
CHANGES: tuple[tuple[str, Rich], ...] = (
    (
        "배포",
        (plain("grid-1 "), code("0.4.2"), plain(" → "), code("0.4.3"), plain(", 손절 거절 1분 52초 전")),
    ),
    ("신규", only("BTC/USDT 손절 주문 없음")),
    ("신규", only("news-agent 반복 호출")),
    ("악화", only("Bybit 비공개 API: 증상 2 → 10개")),
    ("재발", only("텔레그램 토큰이 다시 기록됨")),
    ("해결", only("NAS 시계 오차, 현재 +38 ms")),
    ("미확인", only("“잔고 부족” 수정: 해당 경로 미실행")),
    ("손익", only("+21.30 USDT, −9,100원")),
)
FIGURES: tuple[tuple[str, Rich], ...] = (
    ("무방비 금액", (plain("포지션 4개 중 1개, "), ago(FILLED))),
    ("보유 포지션", only("+ 1,420,000원")),
    ("오늘 손익", only("−12,400원")),
    ("오늘 LLM 비용", only("예산 6.00의 81%")),
)
STAGES = ("하트비트", "틱", "캔들", "신호", "LLM 응답", "주문")
LABELS = {
    "not used": "사용 안 함",
    "4 refused": "4건 거절",
    "none today": "오늘 없음",
    "waits for signals": "신호 대기",
    "41 in 20 min": "20분 41회",
    "none in ": "없음, ",
}
UNITS = (("min", "분"), (" s", "초"), (" h", "시간"), ("of ", "/ "))


def act_now_ko() -> Page:
    """The drawn trouble as a Korean reader sees it."""
    page = act_now()
    parts = ("손절 없음", "손절 있음", "손절 있음, 청산 판단 불가")
    usdt, krw = page.exposure
    return replace(
        page,
        lang="ko",
        title="지금 조치. BTC/USDT에 손절 주문이 없습니다.",
        verdict=replace(
            page.verdict,
            word="지금 조치.",
            subject="BTC/USDT에 손절 주문이 없습니다.",
            text=(
                plain("grid-1의 "),
                strong("1,240.50 USDT가 "),
                ago(FILLED, strong("").style),
                strong("째 무방비"),
                plain(
                    "입니다. 87,190.00에 직접 손절 주문을 넣고 0.4.3을 되돌리세요. "
                    "오늘 볼 이슈가 2건 더 있습니다."
                ),
            ),
        ),
        figures=tuple(
            replace(figure, label=label, more=more)
            for figure, (label, more) in zip(page.figures, FIGURES, strict=True)
        ),
        exposure=(
            replace(usdt, parts=tuple(replace(p, label=w) for p, w in zip(usdt.parts, parts, strict=False))),
            replace(krw, parts=(replace(krw.parts[0], label=parts[2]),)),
        ),
        bots=tuple(replace(bot, mode="실거래") for bot in page.bots),
        issues=replace(page.issues, rows=tuple(map(_row, page.issues.rows, ROWS)), order="위험 금액순"),
        changes=replace(page.changes, rows=tuple(map(_change, page.changes.rows, CHANGES))),
        rhythm=_rhythm(page.rhythm),
        pnl=replace(page.pnl, note="수수료·LLM 비용 차감"),
        observer=replace(
            page.observer,
            line=(
                (
                    plain("이벤트 1,204,331 = 1,204,119 전달 + "),
                    strong("212 손실"),
                    plain(" (대기열 198, 용량 14)"),
                ),
                *map(
                    only,
                    (
                        "지연 0.2초",
                        "시계 +38 ms",
                        "요청량 412/1,200",
                        "디스크 142/512 MB, 18일",
                        "알림 시험 06:00",
                    ),
                ),
            ),
        ),
    )


def _row(row: IssueRow, words: tuple[str, str, str, str]) -> IssueRow:
    title, todo, life, why = words
    badge = Badge(life, is_loud=row.life is not None and row.life.is_loud)
    amount = row.amount
    if amount is not None and amount.currency == "KRW":
        amount = Amount(amount.text, "원")
    return replace(row, title=title, todo=todo, life=badge, why_money=why, amount=amount)


def _change(row: ChangeRow, words: tuple[str, Rich]) -> ChangeRow:
    return replace(row, word=words[0], text=words[1], value="거래 5건" if row.value else "")


def _rhythm(rhythm: Rhythm) -> Rhythm:
    return replace(
        rhythm,
        stages=tuple((key, word) for (key, _), word in zip(rhythm.stages, STAGES, strict=True)),
        rows=tuple(map(_bot, rhythm.rows)),
    )


def _bot(row: RhythmRow) -> RhythmRow:
    detail = row.detail.replace("live", "실거래").replace(" KRW", "원")
    cells = tuple(
        replace(cell, every=_units(cell.every), label=tuple(map(_label, cell.label))) for cell in row.cells
    )
    return replace(row, detail=detail, cells=cells)


def _label(span: Span) -> Span:
    return replace(span, text=LABELS.get(span.text, span.text))


def _units(text: str) -> str:
    for english, korean in UNITS:
        text = text.replace(f" {english}" if english == "min" else english, korean)
    return text
