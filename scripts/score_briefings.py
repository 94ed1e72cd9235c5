"""Scores briefings against labelled runs: first category, proving line, quiet healthy runs.

Usage: python scripts/score_briefings.py [CORPUS_DIR] [--budget 2000] [--only open|closed] [-v]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from pathlib import Path

from obs import rules
from obs.analysis import analyze
from obs.briefing import render
from obs.snapshot import IssueStatus, Snapshot


def is_closed(run: str) -> bool:
    """Whether a run belongs to the third that is kept closed while rules are written."""
    return int(hashlib.sha1(run.encode()).hexdigest(), 16) % 3 == 0


def key_of(file: str) -> str:
    return Path(file).name.split(".", 1)[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    default = os.environ.get("OBS_CORPUS_DIR", "../shared/data")
    parser.add_argument("corpus", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--budget", type=int, default=2000)
    parser.add_argument("--only", choices=("open", "closed"))
    parser.add_argument("-v", action="store_true")
    arguments = parser.parse_args()
    corpus: Path = arguments.corpus
    rows = [json.loads(line) for line in (corpus / "bots/runs.jsonl").read_text().splitlines()]
    evidence = json.loads((corpus / "bots/evidence.json").read_text())
    ruleset = rules.load()
    right = proven = faults = provable = loud = healthy = 0
    seen_proof: dict[str, bool] = {}
    for row in rows:
        if arguments.only and is_closed(row["run"]) is not (arguments.only == "closed"):
            continue
        snapshot = analyze(corpus / row["file"], ruleset=ruleset)
        page = render(snapshot, budget=arguments.budget)
        first = first_issue(snapshot)
        if row["category"]:
            faults += 1
            accepted = {c.upper() for c in (row["category"], *row.get("also", ()))}
            ok = first in accepted
            right += ok
            key = key_of(row["file"])
            proof = None
            if key in evidence:
                proof = bool(re.search(evidence[key], page))
                seen_proof[key] = seen_proof.get(key, False) or proof
            if arguments.v or not ok or proof is False:
                mark = "ok " if ok else "BAD"
                print(f"{mark} {row['file']:55} {first:10} want {sorted(accepted)} proof {proof}")
        elif not row.get("unlabelled"):
            healthy += 1
            raised = [
                i
                for i in snapshot.issues
                if i.severity.rank > 0 and i.cause is None and i.status is not IssueStatus.RESOLVED
            ]
            known = [
                i
                for i in raised
                if "coingecko" in i.title.lower() or any("coingecko" in e.text.lower() for e in i.evidence)
            ]
            allowed = len(raised) - (len(known) if row.get("collateral") else 0)
            loud += bool(allowed)
            if raised:
                print(
                    f"{'BAD' if allowed else 'ok '} {row['file']:55} raises",
                    [(i.title, i.severity.value) for i in raised],
                )
    provable, proven = len(seen_proof), sum(seen_proof.values())
    print(f"category {right}/{faults}  proof {proven}/{provable}  healthy runs above info {loud}/{healthy}")


def first_issue(snapshot: Snapshot) -> str:
    for issue in snapshot.issues:
        if issue.cause is None:
            return issue.category.value
    return "-"


if __name__ == "__main__":
    main()
