"""Boxes and masks brought to the network's square, and everything that is wrong with a file of them in one line."""

import re

import numpy as np
import pytest
from PIL import Image

from evaluation.maps.marks import Box, box_region, find_masks, lung_region, read_boxes
from model_src.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Two films of 40 x 20 pixels below sub/."""
    (tmp_path / "sub").mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.zeros((20, 40), np.uint8)).save(tmp_path / "sub" / f"{name}.png")
    return tmp_path


def table(folder, *rows, columns="path,x,y,width,height"):
    path = folder / "boxes.csv"
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def test_boxes_are_listed_by_film(folder):
    boxes = read_boxes(table(folder, "sub/a.png,1,2,3,4", "sub/b.png,5,6,7.5,8", "sub/a.png,0,0,1,1"), [])
    a, b = ((folder / "sub" / f"{name}.png").resolve() for name in "ab")
    assert boxes == {a: [Box(1, 2, 3, 4), Box(0, 0, 1, 1)], b: [Box(5, 6, 7.5, 8)]}


def test_paths_are_looked_up_in_the_data_directories_too(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("tables")
    boxes = read_boxes(table(elsewhere, "sub/a.png,1,2,3,4"), [folder])
    assert list(boxes) == [(folder / "sub" / "a.png").resolve()]


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (["sub/a.png,1,2,3"], "path,x1,y1,x2", "found the columns path, x1, y1, x2, need path, x, y, width, height"),
        ([], "path,x,y,width,height", "holds no box"),
        ([], "", "found the columns none"),
        (["sub/c.png,1,2,3,4"], None, "row 2: a box for 'sub/c.png', which is no film of"),
        (["sub/a.png,1,2,3,4", ",1,2,3,4"], None, "row 3: a box for '', which is no film of"),
        (["sub/a.png,1,2,x,4"], None, "row 2: found width 'x', need a number of pixels"),
        (["sub/a.png,1,2,nan,4"], None, "row 2: found width 'nan', need a number"),
        (["sub/a.png,1,2,3"], None, "row 2: found height None, need a number"),
        (["sub/a.png,1,2,0,4"], None, "row 2: found a box of 0 x 4 pixels, need more than 0"),
    ],
)
def test_a_wrong_table_is_one_line(folder, rows, columns, message):
    path = table(folder, *rows, columns="path,x,y,width,height" if columns is None else columns)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_boxes(path, [])
    assert "\n" not in str(caught.value)


def test_a_table_that_is_none(folder):
    with pytest.raises(DataError, match="not found; need a CSV"):
        read_boxes(folder / "none.csv", [])
    (folder / "picture.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(folder / "picture.csv", [])
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(folder, [])


def test_a_box_is_squashed_with_its_film():
    # A film of 40 x 20 on 10 x 10: across 4 film pixels to one, down 2.
    region = box_region([Box(8, 4, 12, 6)], 40, 20, 10, "a.png")
    wanted = np.zeros((10, 10), dtype=bool)
    wanted[2:5, 2:5] = True
    np.testing.assert_array_equal(region, wanted)


def test_a_box_between_the_centres_of_pixels_marks_one():
    assert box_region([Box(1, 1, 0.5, 0.5)], 40, 40, 10, "a.png").sum() == 1
    assert box_region([Box(39.9, 39.9, 0.1, 0.1)], 40, 40, 10, "a.png")[9, 9]


@pytest.mark.parametrize("box", [Box(-1, 0, 5, 5), Box(0, -1, 5, 5), Box(36, 0, 5, 5), Box(0, 16, 5, 5)])
def test_a_box_outside_its_film(box):
    with pytest.raises(DataError, match=r"a\.png: a box from .* lies outside the film of 40 x 20 pixels"):
        box_region([box], 40, 20, 10, "a.png")


def test_two_boxes_overlap_by_a_third():
    assert Box(0, 0, 2, 2).overlap(Box(1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert Box(0, 0, 2, 2).overlap(Box(2, 0, 2, 2)) == 0


def test_masks_lie_at_the_films_paths(folder):
    (folder / "masks" / "sub").mkdir(parents=True)
    (folder / "masks" / "sub" / "a.png").touch()
    films = [folder / "sub" / "a.png", folder / "sub" / "b.png"]
    found = find_masks(folder / "masks", films, [folder])
    assert found == {films[0].resolve(): folder / "masks" / "sub" / "a.png"}
    with pytest.raises(DataError, match="holds no mask of any of the 1 films"):
        find_masks(folder / "masks", films[1:], [folder])
    with pytest.raises(DataError, match="no such folder"):
        find_masks(folder / "none", films, [folder])


def mask(folder, pixels):
    path = folder / "mask.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("white", [1, 255])
def test_a_mask_is_squashed_with_its_film(folder, white):
    pixels = np.zeros((20, 40), np.uint8)
    pixels[:, :20] = white
    region = lung_region(mask(folder, pixels), 40, 20, 10)
    np.testing.assert_array_equal(region, np.tile(np.arange(10) < 5, (10, 1)))


def test_masks_of_no_use(folder):
    with pytest.raises(DataError, match="found a mask of 20 x 20 pixels for a film of 40 x 20"):
        lung_region(mask(folder, np.ones((20, 20), np.uint8)), 40, 20, 10)
    with pytest.raises(DataError, match="marks nothing"):
        lung_region(mask(folder, np.zeros((20, 40), np.uint8)), 40, 20, 10)
    with pytest.raises(DataError, match="marks everything"):
        lung_region(mask(folder, np.ones((20, 40), np.uint8)), 40, 20, 10)
    (folder / "text.png").write_text("no picture")
    with pytest.raises(DataError, match="cannot be read"):
        lung_region(folder / "text.png", 40, 20, 10)
