"""The reports that this node has made, so that a verdict on one of them is understood; and the verdicts that came.

    SPOOL/reports/HASH.json    of a report's SOP Instance UID: what it said, and which model
    SPOOL/verdicts/HASH.json   of a verdict's SOP Instance UID: the verdict

Nobody's identity is in either.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from client.verdicts import Verdict, VerdictCounts
from pacs.durable import read_json, write_json, write_once
from pacs.spool import key_of


@dataclass(frozen=True)
class Report:
    """What a report said: the class, and the SHA-256 of the model's cin.pt ("" where it was not read)."""

    label: str
    model: str


class KnownReports:
    """Reports and verdicts in a spool; counts each verdict once, whatever happens."""

    def __init__(self, root: Path) -> None:
        self._reports, self._verdicts = root / "reports", root / "verdicts"
        self.counts = VerdictCounts()
        for path in self._verdicts.glob("*.json"):
            found = read_json(path)
            if found:
                self.counts.count(Verdict(**found))

    def remember(self, uid: str, report: Report) -> None:
        """Know a report of ours from now on."""
        write_json(self._reports / f"{key_of(uid)}.json", asdict(report))

    def find(self, uid: str) -> Report | None:
        """What the report of that SOP Instance UID said; None for one that is not ours."""
        found = read_json(self._reports / f"{key_of(uid)}.json")
        return Report(**found) if found else None

    def take(self, uid: str, verdict: Verdict) -> bool:
        """Keep a verdict and count it; False for one that came before. Raises OSError without room."""
        new = write_once(self._verdicts / f"{key_of(uid)}.json", json.dumps(asdict(verdict)).encode())
        if new:
            self.counts.count(verdict)
        return new
