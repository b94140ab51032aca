"""Where a film's pixels and a map's cells lie: a map covers the whole film, whatever its grid.

The network sees a film squashed to a square, never cropped or padded (model_src/imaging/xray.py). So cell (i, j) of an
(h, w) map is about the film's pixels in rows i H/h to (i+1) H/h and columns j W/w to (j+1) W/w.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from outputs.dicom.identifiers import make_uid

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


@dataclass(frozen=True)
class Plane:
    """A plane of pixels in a frame of reference; millimetres."""

    frame_of_reference: str
    invented: bool  # the film has none
    origin: np.ndarray  # float64 (3,): the centre of the first pixel
    along_row: np.ndarray  # float64 (3,): unit vector in which the columns follow each other
    down_column: np.ndarray  # float64 (3,): unit vector in which the rows follow each other
    spacing: tuple[float, float]  # between rows, between columns


def film_plane(film: Dataset) -> Plane:
    """The film's own plane, as computed tomography has it; else an invented one.

    Radiographs are projections and lie nowhere in the patient. The invented frame of reference begins at the centre of
    the film's first pixel, x along its rows, y down its columns, by the film's pixel spacing (at the detector where no
    other is known) or else 1 mm for a pixel.
    """
    spacing = _numbers(film, "PixelSpacing", 2)
    origin, orientation = _numbers(film, "ImagePositionPatient", 3), _numbers(film, "ImageOrientationPatient", 6)
    along, down = np.array(orientation or np.zeros(6)).reshape(2, 3)
    square = np.allclose([along @ along, down @ down, along @ down], [1, 1, 0], atol=1e-3)
    if "FrameOfReferenceUID" in film and spacing and min(spacing) > 0 and origin and square:
        return Plane(film.FrameOfReferenceUID, False, np.array(origin), along, down, (spacing[0], spacing[1]))
    known = (_numbers(film, keyword, 2) for keyword in _SPACINGS)
    rows, columns = next((found for found in known if found and min(found) > 0), (1.0, 1.0))
    identity = np.eye(3)
    made = make_uid("frame of reference", str(film.SOPInstanceUID))
    return Plane(made, True, np.zeros(3), identity[0], identity[1], (rows, columns))


def map_plane(film: Plane, shape: tuple[int, int], grid: tuple[int, int]) -> Plane:
    """The plane of a map of `grid` (h, w) over a film of `shape` (H, W): its cells' outer edges are the film's."""
    height, width = shape[0] / grid[0], shape[1] / grid[1]  # of a cell, in pixels of the film
    down, along = (height - 1) / 2 * film.spacing[0], (width - 1) / 2 * film.spacing[1]
    origin = film.origin + down * film.down_column + along * film.along_row
    spacing = (height * film.spacing[0], width * film.spacing[1])
    return Plane(film.frame_of_reference, film.invented, origin, film.along_row, film.down_column, spacing)


def _numbers(film: Dataset, keyword: str, count: int) -> list[float] | None:
    """The numbers of an element that must have so many; None where it has not."""
    value = film.get(keyword)
    numbers = [] if value is None else [float(each) for each in np.atleast_1d(value)]
    return numbers if len(numbers) == count else None
