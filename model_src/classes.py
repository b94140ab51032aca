"""The three classes, in the network's order, and every name that files and callers use for them."""

from __future__ import annotations

from model_src.errors import InvalidRequest

CLASS_NAMES = ("Healthy", "Pneumonia", "COVID-19")
HEALTHY, PNEUMONIA, COVID = range(3)

# Labels in COVIDx files ("pneumonia" there means not COVID-19).
COVIDX_LABELS = {"normal": HEALTHY, "pneumonia": PNEUMONIA, "COVID-19": COVID}

# Folder names that a data directory may use.
CLASS_FOLDERS = {
    "Healthy": HEALTHY,
    "Pneumonia": PNEUMONIA,
    "COVID-19": COVID,
    "healthy": HEALTHY,
    "pneumonia": PNEUMONIA,
    "covid": COVID,
}

# In a folder of generated pictures: says that they are no X-rays of anybody.
PHANTOMS_FILE = "phantoms.json"

# Said by the model card, every answer and every client.
RESEARCH_USE = "research use only, not for diagnosis"


def class_index(value: str | int) -> int:
    """Index (0, 1, 2) of a class given by name (any case) or by index (also as text).

    Raises:
        InvalidRequest: no such class.
    """
    text = str(value).strip().lower()
    for index, name in enumerate(CLASS_NAMES):
        if text in (name.lower(), str(index)):
            return index
    raise InvalidRequest(f"target: found {str(value)[:40]!r}, need one of {', '.join(CLASS_NAMES)} or 0, 1, 2")
