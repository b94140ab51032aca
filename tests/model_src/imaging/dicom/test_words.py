"""Body parts and views in the languages of devices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement

from model_src.imaging.formats import read_image
from tests.fixtures.decoded_images import hundred
from tests.image_writers import smooth_film, write_dicom

FILM = smooth_film(48)
CHESTS = [
    "CHEST", "THORAX", "LUNG", "CXR", "PECHO", "TÓRAX", "TORAX", "TORACE", "PULMON", "PULMÓN", "PULMÃO", "BRUST",
    "BRUSTKORB",
    "POUMON", "POITRINE", "PEITO", "PETTO", "POLMONE", "RIBS", "RIPPEN", "COSTILLAS", "HERZ", "COEUR", "CORAZÓN",
    "STERNUM",
    "BORSTKAS", "BRÖSTKORG", "KEUHKOT", "KLATKA", "PŁUCA", "HRUDNÍK", "MELLKAS", "GÖĞÜS", "AKCİĞER", "TORAKS", "NGỰC",
]  # fmt: skip
OTHER_SCRIPTS = {
    "ISO_IR 144": ("iso8859-5", ["ГРУДНАЯ КЛЕТКА", "ОРГАНЫ ГРУДИ", "ЛЕГКИЕ"]),
    "GB18030": ("gb18030", ["胸部", "肺"]),
    "ISO_IR 126": ("iso8859-7", ["ΘΩΡΑΚΑΣ"]),
    "ISO_IR 192": ("utf-8", ["胸部", "TÓRAX", "ГРУДЬ", "흉부"]),
}
ELSEWHERE = [
    "HAND", "ABDOMEN", "KNEE", "SKULL", "PELVIS", "FOOT", "SPINE", "THORACIC SPINE", "COLUNA TORACICA", "LSPINE",
    "KNIE",
    "SCHÄDEL", "RODILLA", "TSPINE", "LOMBAIRE",
]  # fmt: skip
FRONTAL = [
    "PA", "AP", "P-A", "A.P.", "PA ERECT", "AP_SUPINE", "POSTERO_ANTERIOR", "POSTEROANTERIOR", "ANTERO-POSTERIOR",
    "ANTEROPOSTERIOR", "Posterior-Anterior", "FRONTAL", "FRONTALE", "FRENTE", "FACE", "DE FACE", "DORSO-VENTRAL",
]  # fmt: skip
SIDEWAYS = ["LL", "RL", "LATERAL", "LAT", "PROFILE", "PERFIL", "OBLIQUE", "LAO", "SEITLICH", "RLD"]


def warnings_of(keyword: str, value: bytes, character_set: str | None = None) -> tuple[str, ...]:
    """What is said of a film whose element holds these bytes."""
    header = {} if character_set is None else {"SpecificCharacterSet": character_set}
    padded = value + b" " * (len(value) % 2)
    place = "Q" * len(padded)
    elements = [DataElement(keyword, "CS", place, validation_mode=0)]
    data = write_dicom(FILM, elements=elements, BitsStored=12, **header)
    return read_image(data.replace(place.encode(), padded)).warnings


@hundred
@given(st.sampled_from(CHESTS), st.sampled_from(["utf-8", "iso8859-1", "iso8859-2", "iso8859-9"]), st.booleans())
def test_the_chest_in_many_languages(word: str, encoding: str, lower: bool) -> None:
    sets = {"utf-8": "ISO_IR 192", "iso8859-1": "ISO_IR 100", "iso8859-2": "ISO_IR 101", "iso8859-9": "ISO_IR 148"}
    try:
        value = (word.lower() if lower and word != "AKCİĞER" else word).encode(encoding)
    except UnicodeEncodeError:
        return  # a word of another alphabet
    assert warnings_of("BodyPartExamined", value, sets[encoding]) == ()
    if encoding == "utf-8":  # whatever the file says
        assert warnings_of("BodyPartExamined", value) == ()


@pytest.mark.parametrize("character_set", OTHER_SCRIPTS)
def test_the_chest_in_other_scripts(character_set: str) -> None:
    encoding, words = OTHER_SCRIPTS[character_set]
    for word in words:
        assert warnings_of("BodyPartExamined", word.encode(encoding), character_set) == ()


@hundred
@given(st.sampled_from(ELSEWHERE), st.sampled_from(["utf-8", "iso8859-1"]))
def test_other_regions_are_said(word: str, encoding: str) -> None:
    (warning,) = warnings_of("BodyPartExamined", word.encode(encoding), "ISO_IR 100")
    assert "not the chest" in warning


@hundred
@given(st.sampled_from(FRONTAL), st.booleans())
def test_frontal_views(word: str, lower: bool) -> None:
    assert warnings_of("ViewPosition", (word.lower() if lower else word).encode()) == ()


@hundred
@given(st.sampled_from(SIDEWAYS), st.booleans())
def test_other_views_are_said(word: str, lower: bool) -> None:
    (warning,) = warnings_of("ViewPosition", (word.lower() if lower else word).encode())
    assert "not frontal" in warning
