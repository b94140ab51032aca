"""Films from a folder, results into another: a module of mercure, or a command by hand.

mercure hands over `[series_UID]#[file_UID].dcm` and task.json, and takes what lies in the other folder afterwards:
DICOM files of the same form of name, and result.json, whose `__mercure_notification` it shows.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from model_src.atomic import atomic_write, require_writable
from model_src.classes import RESEARCH_USE
from model_src.errors import DataError
from pacs.delivery import Later, Rejected
from pacs.film import Refused, check_film, read_uids
from pacs.reports import read_report
from pacs.schedule import wait_after
from pacs.scoring import Scorer
from pacs.settings import MEGABYTE, Retries

RESULT_FILE = "result.json"
_LARGEST = 32 * MEGABYTE
_RETRIES = Retries(tries=6, first_seconds=2.0, longest_seconds=30.0)  # two minutes at most: mercure waits


def run_folder(source: Path, target: Path, scorer: Scorer) -> int:
    """Ask about every film in `source`; the exit status: 1 if one was not answered.

    What is no frontal chest film is left out, and result.json says so: mercure's rules choose series, not films.

    Raises:
        DataError: there is no such folder, or nothing in it.
        OutputError: `target` cannot be written.
    """
    if not source.is_dir():
        raise DataError(f"--in {source}: found no such folder, need one with DICOM films")
    require_writable(target, "--out", folder=True)
    files = sorted(path for path in source.iterdir() if _may_be_film(path))
    if not files:
        raise DataError(f"--in {source}: found no file in it, need DICOM films")
    results = [_ask(path, target, scorer) for path in files]
    results += [
        _left_out(path.name, "found a folder, need files") for path in sorted(source.iterdir()) if path.is_dir()
    ]
    labels = Counter(each["label"] for each in results if each.get("label"))
    left = sum("label" not in each for each in results)
    words = [f"{label}: {count}" for label, count in sorted(labels.items())]
    text = ", ".join([*words, *([f"without an answer: {left}"] if left else [])])
    with atomic_write(target / RESULT_FILE) as path:
        path.write_text(
            json.dumps({"results": results, "__mercure_notification": {"text": f"{text}; {RESEARCH_USE}"}}, indent=2)
            + "\n"
        )
    return 1 if any(each.get("failed") for each in results) else 0


def _ask(path: Path, target: Path, scorer: Scorer) -> dict[str, Any]:
    """One film's entry in result.json; its results are in `target` then."""
    try:
        film = path.read_bytes()
        check_film(film, _LARGEST)
        objects = _patiently(scorer, film)
    except Refused as error:
        return _left_out(path.name, str(error))
    except (Later, Rejected) as error:
        print(f"coronet: {path.name}: {error.logged}", file=sys.stderr)  # mercure keeps it: no header may be in it
        return {"file": path.name, "failed": str(error)}
    except OSError as error:
        print(f"coronet: {path.name}: cannot be read: {error.strerror}", file=sys.stderr)
        return {"file": path.name, "failed": f"cannot be read: {error.strerror}"}
    names = []
    for content in objects.values():
        uids = read_uids(content)
        names.append(f"{uids['SeriesInstanceUID']}#{uids['SOPInstanceUID']}.dcm")
        with atomic_write(target / names[-1]) as temporary:
            temporary.write_bytes(content)
    report = read_report(objects["report"]) if "report" in objects else None
    label = report[1].label if report else "unknown"
    print(f"{path.name}: {label}, {len(names)} objects", flush=True)
    return {"file": path.name, "label": label, "objects": names}


def _left_out(name: str, why: str) -> dict[str, Any]:
    """The entry in result.json of what is not asked about; it is said, too."""
    print(f"coronet: {name}: left out: {why}", file=sys.stderr)
    return {"file": name, "left_out": why}


def _patiently(scorer: Scorer, film: bytes) -> dict[str, bytes]:
    """The results, with more than one try where that may help."""
    for tries in range(1, _RETRIES.tries):
        try:
            return scorer.results(film)
        except Later:
            time.sleep(wait_after(tries, _RETRIES))
    return scorer.results(film)


def _may_be_film(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix != ".json"
