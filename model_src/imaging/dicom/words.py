"""Names of the chest and of frontal views, as devices write them in the languages of their users."""

from __future__ import annotations

import unicodedata

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

# Words of which one stands in BodyPartExamined of a chest image. Accents are taken off before comparing. Whole
# regions and what lies in them, in English, then Romance, Germanic, Slavic, other European and Asian languages.
_CHEST = (
    "CHEST", "CHST", "THORAX", "THORAC", "LUNG", "PULM", "RIB", "HEART", "CARDIAC", "STERNUM", "CLAVIC", "CXR",
    "MEDIAST",
    "TORAX", "TORACE", "PECHO", "PEITO", "PETTO", "POLMON", "POUMON", "POITRINE", "COEUR", "CORAZON", "CORACAO",
    "CUORE",
    "COSTILLA", "COSTELA", "COSTOLE", "COTES", "ESTERNON", "STERNO", "CLAVICUL", "PIEPT", "PLAMAN",
    "BRUST", "LUNGE", "RIPPE", "HERZ", "BORST", "BRYST", "BROST", "LUNGOR", "LUNGER", "RINTA", "KEUHKO",
    "KLATKA", "PLUC", "PŁUC", "HRUDNIK", "PLICE", "GRUDN", "LEGK", "MELLKAS",
    "ГРУД", "ЛЕГК", "ОГК", "ОРГК", "ΘΩΡΑΚ", "ΠΝΕΥΜΟΝ", "TORAKS", "GOGUS", "AKCIGER",
    "DADA", "NGUC", "PHOI", "胸", "肺", "흉부", "가슴", "폐", "ทรวงอก", "ปอด", "صدر", "חזה", "छाती",
    "T-D3000", "51185008", "T-D0300", "T-28000",
)  # fmt: skip

# Words that make one of those another region: the thoracic spine is no chest film.
_ELSEWHERE = (
    "SPINE", "WIRBEL", "COLUNA", "COLUMNA", "COLONNA", "RACHIS", "LUMBAR", "LOMBAR", "DORSALE", "OUTLET", "VERTEB",
)  # fmt: skip

# Beginnings of ViewPosition (letters alone) of a frontal view.
_FRONTAL = (
    "PA", "AP", "POSTEROANTERIOR", "POSTERIORANTERIOR", "POSTERIORTOANTERIOR", "POSTANT", "POSTEROANT",
    "ANTEROPOSTERIOR", "ANTERIORPOSTERIOR", "ANTERIORTOPOSTERIOR", "ANTPOST", "ANTEROPOST",
    "FRONT", "FRENTE", "FACE", "DEFACE", "DORSOVENTRAL", "VENTRODORSAL", "DV", "VD", "CORONAL",
    "ПРЯМАЯ", "正位", "正面", "后前", "後前", "前后", "前後", "정면",
)  # fmt: skip


def names_chest(ds: Dataset) -> bool:
    """True when BodyPartExamined is absent or may stand on a chest image."""
    spellings = _spellings(ds, "BodyPartExamined")
    return not spellings or any(
        any(word in text for word in map(_plain, _CHEST)) and not any(word in text for word in _ELSEWHERE)
        for text in spellings
    )


def names_frontal(ds: Dataset) -> bool:
    """True when ViewPosition is absent or a frontal view."""
    spellings = ["".join(filter(str.isalpha, text)) for text in _spellings(ds, "ViewPosition")]
    return not any(spellings) or any(text.startswith(tuple(map(_plain, _FRONTAL))) for text in spellings)


def _spellings(ds: Dataset, keyword: str) -> list[str]:
    """The first value of an element in capitals without accents, by each character set it may be in; [] when absent.

    Coded strings have Latin letters alone by the standard, so pydicom reads them as Latin-1; devices write them in
    the file's character set, or in UTF-8 whatever the file says.
    """
    value = ds.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    if not value or not str(value).strip():
        return []
    text = str(value)
    spellings = [text]
    try:
        raw = text.encode("latin-1")
        encodings = ["utf-8", *convert_encodings(ds.get("SpecificCharacterSet") or "")]
    except (UnicodeEncodeError, LookupError, TypeError, AttributeError):
        raw, encodings = b"", []
    for encoding in encodings if raw else []:
        try:
            spellings.append(raw.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    return [_plain(spelling) for spelling in spellings]


def _plain(text: str) -> str:
    """In capitals, without accents."""
    decomposed = unicodedata.normalize("NFKD", text.upper())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).upper().strip()
