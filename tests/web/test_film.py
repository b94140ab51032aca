"""A file's pixels for the page, and what may be shown of its header."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import uid

from model_src.errors import InvalidImage, UnsupportedImage
from tests.image_writers import smooth_film, write_dicom, write_picture
from web.film import read_film


def test_pixels_are_brightness_from_0_to_65535():
    film = read_film(write_picture(np.tile(np.array([0, 51, 255, 102], np.uint8), (8, 2))))
    assert film.pixels.dtype == np.dtype("<u2")
    assert film.pixels[0].tolist() == [0, 13107, 65535, 26214] * 2  # 51 / 255 = 1 / 5
    assert film.facts == {"format": "PNG", "width": 8, "height": 8, "warnings": []}


def test_a_film_is_bright_where_it_is_dense_whatever_the_file_says():
    samples = np.tile(np.array([0, 255], np.uint8), (8, 4))
    film = read_film(write_dicom(samples, PhotometricInterpretation="MONOCHROME1"))
    assert film.pixels[0, :2].tolist() == [65535, 0]


def test_a_large_film_is_averaged_down_to_2048():
    samples = np.zeros((16, 4096), np.uint8)
    samples[:, ::2] = 255  # of each two columns one is white
    film = read_film(write_picture(samples))
    assert film.pixels.shape == (8, 2048)
    assert set(film.pixels.ravel().tolist()) <= {32767, 32768}
    assert (film.facts["width"], film.facts["height"]) == (4096, 16)


def test_a_compressed_dicom_says_what_it_is():
    film = read_film(write_dicom(smooth_film(), uid.JPEG2000Lossless, BitsStored=12, HighBit=11, ViewPosition="PA"))
    facts = film.facts
    assert (facts["bits"], facts["modality"], facts["view"]) == (12, "CR", "PA")
    assert facts["compression"] == "JPEG 2000 Image Compression (Lossless Only)"


def test_nothing_that_names_or_dates_anybody_is_shown():
    film = read_film(
        write_dicom(
            smooth_film(),
            BitsStored=12,
            HighBit=11,
            PatientName="Secret^Name",
            PatientID="SECRET-1",
            PatientBirthDate="19700203",
            StudyDate="20201112",
            InstitutionName="SECRET HOSPITAL",
            AccessionNumber="SECRET-2",
            StudyInstanceUID="1.2.345",
        )
    )
    assert set(film.facts) <= {"format", "width", "height", "warnings", "bits", "modality", "view", "compression"}
    assert not any(secret in str(film.facts) for secret in ("SECRET", "Secret", "1970", "2020", "1.2.3"))


def test_a_view_that_is_no_word_of_dicoms_is_left_out():
    film = read_film(write_dicom(smooth_film(), BitsStored=12, HighBit=11, ViewPosition="AS WE LIKE IT"))
    assert "view" not in film.facts


def test_a_header_that_cannot_be_shown_hides_no_film(monkeypatch):
    def damaged(*_: object) -> None:
        raise ValueError("no integer")

    monkeypatch.setattr("web.film.parse_dicom", damaged)
    film = read_film(write_dicom(smooth_film(), BitsStored=12, HighBit=11))
    assert film.pixels.shape == (48, 48)
    assert set(film.facts) == {"format", "width", "height", "warnings"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"no image", InvalidImage),
        (write_picture(smooth_film())[:90], InvalidImage),
        (write_dicom(smooth_film(), Modality="CT"), UnsupportedImage),
    ],
    ids=["text", "cut", "CT"],
)
def test_what_the_server_would_refuse_is_refused(data, error):
    with pytest.raises(error):
        read_film(data)
