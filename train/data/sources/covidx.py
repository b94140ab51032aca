"""COVIDx label files as published: `patient-id path label [source]`, separated by white space.

A path may itself hold spaces, and so may a patient's id: versions 7A and 8A have lines such as
`COVID 1 COVID(1).png COVID-19 sirm`. The label is the last token, or the last but one when a source follows it.
Where the rest is more than two tokens, the patient ends where a path begins that exists; where none does, `COVID 1`
before a path that begins with `COVID` too is taken as a whole.

A label file stands for its set: train_NAME.txt, val_NAME.txt and test_NAME.txt belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from model_src.classes import COVIDX_LABELS
from model_src.errors import DataError
from train.data.examples import Collection, Example
from train.data.files import SPLIT_FOLDERS, Finder
from train.data.sources import table
from train.data.sources.text import read_text, two_class, unknown_label

_LABEL_FILE = re.compile(r"(?P<split>train|val|validation|test)(?P<set>_.*)?\.txt")
_LABELS = {name.lower(): index for name, index in COVIDX_LABELS.items()}
_TWO_CLASS = {"positive", "negative"}
_WORD_AND_NUMBER = re.compile(r"(?P<patient>(?P<word>[A-Za-z-]+) +\d+) +(?P<path>(?P=word).*)")


def matches(path: Path) -> bool:
    """A folder with label files, or any file that is no table with a header."""
    if path.is_dir():
        return any(_LABEL_FILE.fullmatch(file.name) for file in path.glob("*.txt"))
    return not table.matches(path)


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """Every split that has a label file."""
    files = _label_files_in(path) if path.is_dir() else _set_of(path)
    splits = {}
    for split in (name for name in SPLIT_FOLDERS if name in files):
        finder = Finder([*roots, files[split].parent], split)
        splits[split] = list(_read_file(files[split], finder))
    return Collection(splits, f"COVIDx label files ({', '.join(file.name for file in files.values())})")


def _label_files_in(folder: Path) -> dict[str, Path]:
    """The folder's label file per split; more than one for a split is a choice the user has to make."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.txt")):
        if match := _LABEL_FILE.fullmatch(file.name):
            found.setdefault(_split_named(match["split"]), []).append(file)
    for split, files in found.items():
        if len(files) > 1:
            raise DataError(
                f"{folder} has {len(files)} label files for {split}: {', '.join(f.name for f in files)}; "
                f"give the one to use in place of the folder (its counterpart of the same name is found)"
            )
    return {split: files[0] for split, files in found.items()}


def _set_of(file: Path) -> dict[str, Path]:
    """A label file and its counterparts of the same set."""
    match = _LABEL_FILE.fullmatch(file.name)
    if not match:
        return {"train": file}
    siblings = {
        _split_named(other["split"]): candidate
        for candidate in sorted(file.parent.glob("*.txt"))
        if (other := _LABEL_FILE.fullmatch(candidate.name)) and other["set"] == match["set"]
    }
    return siblings | {_split_named(match["split"]): file}


def _split_named(name: str) -> str:
    return next(split for split, names in SPLIT_FOLDERS.items() if name in names)


def _read_file(file: Path, finder: Finder) -> Iterator[Example]:
    """Examples in the order of their lines; blank lines are passed over. Raises DataError that names the line."""
    for number, text in enumerate(read_text(file).splitlines(), start=1):
        tokens = text.split()
        if not tokens:
            continue
        if len(tokens) >= 3 and tokens[-1].lower() in _LABELS:
            label, source = tokens[-1], ""
        elif len(tokens) >= 4 and tokens[-2].lower() in _LABELS:
            label, source = tokens[-2], tokens[-1]
        else:
            raise _bad_line(f"{file}, line {number}", tokens)
        # Cut off by the tokens' own text, runs of spaces inside a path stay as they are.
        rest = text.strip()
        if source:
            rest = rest[: -len(source)].rstrip()
        rest = rest[: -len(label)].rstrip()
        patient, path = _patient_and_path(rest, finder)
        yield Example(finder.find(path), _LABELS[label.lower()], patient, source)


def _patient_and_path(text: str, finder: Finder) -> tuple[str, str]:
    """Where the patient ends and the path begins; see the module's text."""
    spaces = [(match.start(), match.end()) for match in re.finditer(r"\s+", text)]
    splits = [(text[:end], text[begin:]) for end, begin in spaces]
    if len(splits) > 1:
        for patient, path in splits:
            if finder.existing(path):
                return patient, path
        if match := _WORD_AND_NUMBER.fullmatch(text):
            return match["patient"], match["path"]
    return splits[0]


def _bad_line(where: str, tokens: list[str]) -> DataError:
    if len(tokens) < 3:
        return DataError(f"{where}: found {' '.join(tokens)[:60]!r}, need `patient-id path label [source]`")
    if _TWO_CLASS & {tokens[-1].lower(), tokens[-2].lower()}:
        return two_class(where)
    return unknown_label(where, tokens[2] if len(tokens) <= 4 else tokens[-1])
