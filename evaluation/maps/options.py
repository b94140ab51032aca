"""What `coronet evaluate --boxes --lungs` is asked for, and the marks it names, checked before any long work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.maps.films import FILMS, read_film
from evaluation.maps.marks import Box, Marks, find_masks, read_boxes
from explanations import METHODS, parse_options
from model_src.errors import DataError
from train.progress import track


@dataclass(frozen=True)
class MapOptions:
    """Which maps are held against which marks.

    Attributes:
        boxes: table of boxes around opacities, None for none.
        lungs: folder of lung masks, None for none.
        methods: names of explanation methods.
        films: at most so many with boxes, and as many with lung masks.
    """

    boxes: Path | None = None
    lungs: Path | None = None
    methods: Sequence[str] = tuple(METHODS)
    films: int = FILMS

    def __bool__(self) -> bool:
        """Whether there is anything to hold maps against."""
        return self.boxes is not None or self.lungs is not None


@dataclass(frozen=True)
class OpenMarks:
    """The marks of a split's films; `boxes` is the whole table, also of films outside the split."""

    boxes: dict[Path, list[Box]]
    boxed: Marks | None
    lunged: Marks | None


def open_marks(options: MapOptions, films: Sequence[Path], roots: Sequence[Path], image_size: int) -> OpenMarks | None:
    """Read all marks of the split's `films` and hold each against its film; None where no marks are asked for.

    Raises:
        DataError: marks that cannot be used, or none for these films; one line.
        InvalidRequest: an unknown method.
    """
    if not options:
        return None
    for method in options.methods:
        parse_options({"method": method})
    resolved = {film.resolve() for film in films}
    boxes = read_boxes(options.boxes, roots) if options.boxes else {}
    if boxes and not resolved & boxes.keys():
        raise DataError(
            f"{options.boxes}: none of the {len(films)} films of this split has a box; choose the boxes' own data, or "
            "another --split"
        )
    masks = find_masks(options.lungs, films, roots) if options.lungs else {}
    boxed = Marks("boxes", {film: drawn for film, drawn in boxes.items() if film in resolved}) if boxes else None
    lunged = Marks("lung masks", masks) if masks else None
    for marks in filter(None, (boxed, lunged)):
        for film in track(marks.films, len(marks.films), f"Checking {marks.name}", "films"):
            marks.region(film, read_film(film, image_size), image_size)
    return OpenMarks(boxes, boxed, lunged)
