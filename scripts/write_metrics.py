"""Write the tables of `docs/metrics.md` from the metrics' own table; a test holds the page to it.

python -m scripts.write_metrics
"""

from __future__ import annotations

from pathlib import Path

from obs.metrics.table import TABLE
from obs.readings import BOUNDS

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"


def text(page: str) -> str:
    """Return the page with its tables as they should be."""
    for name, made in (("buckets", buckets()), ("table", table())):
        before, _, rest = page.partition(f"<!-- {name} -->")
        _, _, after = rest.partition(f"<!-- end of {name} -->")
        page = f"{before}<!-- {name} -->\n{made}<!-- end of {name} -->{after}"
    return page


def buckets() -> str:
    """Return the upper bounds of all histograms in Markdown."""
    rows = ["| histogram | upper bounds |", "|---|---|"]
    rows += [f"| `{name}` | {', '.join(bounds)} |" for name, bounds in BOUNDS.items()]
    return "\n".join(rows) + "\n"


def table() -> str:
    """Return the table of all metrics in Markdown."""
    rows = ["| metric | type | labels | series | what it says |", "|---|---|---|---|---|"]
    for name, family in TABLE.items():
        labels = " ".join(f"`{label}`" for label in family.labels)
        rows.append(f"| `{name}` | {family.kind} | {labels} | {family.most} | {family.text} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
