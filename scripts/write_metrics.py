"""Write `docs/metrics.md`'s table from the metrics' own table; a test holds the page to it.

python -m scripts.write_metrics
"""

from __future__ import annotations

from pathlib import Path

from obs.metrics.table import TABLE

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"
START, END = "<!-- table -->", "<!-- end of table -->"


def text(page: str) -> str:
    """Return the page with the table as it should be."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table()}{END}{after}"


def table() -> str:
    """Return the table of all metrics in Markdown."""
    rows = ["| metric | type | labels | series | what it says |", "|---|---|---|---|---|"]
    for name, family in TABLE.items():
        labels = " ".join(f"`{label}`" for label in family.labels)
        rows.append(f"| `{name}` | {family.kind} | {labels} | {family.most} | {family.text} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
