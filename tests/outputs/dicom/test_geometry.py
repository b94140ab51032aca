"""A map's cells lie on the film's pixels, edge to edge."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from outputs.dicom.geometry import film_plane, map_plane


def film(**header):
    made = Dataset()
    made.SOPInstanceUID = "1.2.3.3"
    for keyword, value in header.items():
        setattr(made, keyword, value)
    return made


def test_a_film_without_anything_gets_a_plane_of_millimetres():
    plane = film_plane(film())
    assert plane.invented
    assert plane.frame_of_reference.startswith("2.25.")
    assert plane.origin.tolist() == [0, 0, 0]
    assert (plane.along_row.tolist(), plane.down_column.tolist()) == ([1, 0, 0], [0, 1, 0])
    assert plane.spacing == (1, 1)


@pytest.mark.parametrize(
    ("header", "spacing"),
    [
        ({"PixelSpacing": [0.2, 0.1]}, (0.2, 0.1)),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, (0.2, 0.1)),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.3, 0.3]}, (0.2, 0.1)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.3, 0.3]}, (0.3, 0.3)),
        ({"PixelSpacing": [0.2]}, (1, 1)),
    ],
)
def test_spacing_is_the_films_where_it_has_one(header, spacing):
    assert film_plane(film(**header)).spacing == spacing


def test_a_film_in_a_frame_of_reference_keeps_it():
    known = {"FrameOfReferenceUID": "1.2.9", "ImagePositionPatient": [-10, 5, 2], "PixelSpacing": [0.2, 0.1]}
    plane = film_plane(film(ImageOrientationPatient=[0, 1, 0, 0, 0, -1], **known))
    assert (plane.frame_of_reference, plane.invented) == ("1.2.9", False)
    # 40 x 60 pixels, 4 x 6 cells of 10 x 10 pixels; the first cell's centre is 4.5 pixels from the first pixel's:
    # 4.5 columns are 0.45 mm along y, 4.5 rows are 0.9 mm against z
    cells = map_plane(plane, (40, 60), (4, 6))
    np.testing.assert_allclose(cells.origin, [-10, 5.45, 1.1], atol=1e-12)
    assert cells.spacing == pytest.approx((2.0, 1.0))
    assert film_plane(film(**known)).invented  # without an orientation, the rest says nothing
    assert film_plane(film(ImageOrientationPatient=[1, 0, 0, 1, 0, 0], **known)).invented  # nor with one of no plane


def test_a_map_as_fine_as_the_film_lies_on_its_pixels():
    plane = film_plane(film())
    cells = map_plane(plane, (30, 40), (30, 40))
    assert (cells.origin.tolist(), cells.spacing) == ([0, 0, 0], (1, 1))


def test_cells_need_not_be_whole_pixels():
    cells = map_plane(film_plane(film()), (30, 50), (4, 4))
    assert cells.spacing == (7.5, 12.5)
    assert cells.origin.tolist() == [5.75, 3.25, 0]  # half a cell less half a pixel: x, y
