"""Lists of films outside the classes for `coronet evaluate --outside`, in two halves: development, and looked at once.

    python -m benchmarks.outside_lists DATA_DIR OUT_DIR [--half final|development] [--without OTHER_DIR ...]

DATA_DIR has a metadata.csv with path, class and source. Films whose class begins with "other:" and films of children
(source "child-...") are outside. A path's SHA-256 is odd for development, even for the final evaluation. All films of
a patient are in one half: that of development, if one of their paths is. OUT_DIR gets a list for each source, and
`evaluate` takes it with `--roots DATA_DIR`. What is to be trained on, has no film of a patient in another collection's
test: --without.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from benchmarks.errors import errors_in_one_line
from train.data.data_dir import read_data_dir
from train.data.metadata import FILE
from train.data.patients import patient_name
from train.data.sources.text import read_rows

HALVES = ("final", "development")  # of a path by the last bit of its digest


def half_of(path: str) -> str:
    """ "final" or "development", by the path as metadata.csv has it."""
    return HALVES[hashlib.sha256(path.encode()).digest()[-1] % 2]


def outside_lists(rows: Iterable[Mapping[str, str]], half: str, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Source -> paths of one half, but for films of the patients in `without`."""
    outside = [row for row in rows if row["class"].startswith("other:") or row["source"].startswith("child-")]
    developed = {_patient(row) for row in outside if half_of(row["path"]) == "development"}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in outside:
        if (_patient(row) in developed) == (half == "development") and _patient(row) not in without:
            found[row["source"]].append(row["path"])
    return dict(found)


def _patient(row: Mapping[str, str]) -> str:
    return row.get("patient") or row["path"]


@errors_in_one_line()
def main() -> None:
    """Write the lists and say how long they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--half", choices=HALVES, default="final")
    parser.add_argument("--without", type=Path, nargs="+", default=[], metavar="OTHER_DIR", help="its test patients")
    args = parser.parse_args()
    tested = [example for other in args.without for example in read_data_dir(other, "test")]
    without = {patient_name(example, "") for example in tested}
    rows = read_rows(args.data_dir / FILE, ("path", "class", "source"))
    lists = outside_lists((row for _, row in rows), args.half, without)
    args.out.mkdir(parents=True, exist_ok=True)
    for source, paths in sorted(lists.items()):
        (args.out / f"{source}.txt").write_text("\n".join(paths) + "\n", encoding="utf-8")
        print(f"{args.out / source}.txt: {len(paths)} films of the {args.half} half")


if __name__ == "__main__":
    main()
