"""The region of a map as an outline: a Grayscale Softcopy Presentation State, which burns nothing into the film."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from highdicom import pr
from highdicom.color import CIELabColor
from pydicom.dataset import Dataset

from inference.results import Explanation
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from outputs.dicom.contours import outlines
from outputs.dicom.geometry import film_plane
from outputs.dicom.new_object import Origin
from outputs.dicom.report_sr import summary

PART = 0.5  # of the map's highest value: where the outline runs
_MOST = 20  # outlines: a map that is all specks has hundreds
_YELLOW = CIELabColor(l_star=90.0, a_star=-5.0, b_star=85.0)
_GRAYS = ("MONOCHROME1", "MONOCHROME2")


def outline(origin: Origin, explanation: Explanation) -> Dataset | None:
    """The outline over the film with a line of text; None where the map is empty, or the film no gray one."""
    film = origin.reference
    highest = float(explanation.heatmap.max())
    if highest <= 0 or film.get("PhotometricInterpretation") not in _GRAYS:
        return None
    lines = outlines(explanation.heatmap, PART * highest, (film.Rows, film.Columns))[:_MOST]
    layer = pr.GraphicLayer("EXPLANATION", 1, f"where the map is above {PART:g} of its highest value", _YELLOW)
    target = CLASS_NAMES[explanation.target]
    text = f"{RESEARCH_USE}; {summary(origin.prediction)}; outline: why {target}, by {explanation.method}"
    annotation = pr.GraphicAnnotation(
        referenced_images=[film],
        graphic_layer=layer,
        graphic_objects=[pr.GraphicObject("POLYLINE", line.astype(np.float32), "PIXEL") for line in lines],
        text_objects=[pr.TextObject(text, "DISPLAY", bounding_box=(0.02, 0.93, 0.98, 0.99), text_justification="LEFT")],
    )
    made = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[_without_gray_scale(film)],
        content_label="EXPLANATION",
        content_description=f"why {target}: {explanation.method}",
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        **origin.identity("outline", 3),
    )
    _show_as_the_film(film, made)
    return made


_MODALITY = ("RescaleIntercept", "RescaleSlope", "RescaleType")
_WINDOW = ("WindowCenter", "WindowWidth")


def _without_gray_scale(film: Dataset) -> Dataset:
    """A copy: highdicom would read these itself, and refuse what contradicts itself."""
    copy = deepcopy(film)
    for keyword in (*_MODALITY, *_WINDOW, "ModalityLUTSequence", "VOILUTSequence", "VOILUTFunction"):
        copy.pop(keyword, None)
    copy.SamplesPerPixel = 1  # which films leave out
    return copy


def _show_as_the_film(film: Dataset, made: Dataset) -> None:
    """A presentation state replaces the film's own gray scale and shape of pixels: it has to say the same again."""
    made.PresentationLUTShape = "INVERSE" if film.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
    if film.get("ModalityLUTSequence"):
        made.ModalityLUTSequence = deepcopy(film.ModalityLUTSequence)
    elif "RescaleIntercept" in film and "RescaleSlope" in film:
        made.RescaleIntercept, made.RescaleSlope = film.RescaleIntercept, film.RescaleSlope
        made.RescaleType = film.get("RescaleType") or "US"
    item = Dataset()
    if film.get("VOILUTSequence"):
        item.VOILUTSequence = deepcopy(film.VOILUTSequence[:1])
    elif window := _window(film):
        item.WindowCenter, item.WindowWidth = window
        if film.get("VOILUTFunction"):
            item.VOILUTFunction = film.VOILUTFunction
    if len(item):
        made.SoftcopyVOILUTSequence = [item]
    area = made.DisplayedAreaSelectionSequence[0]
    plane = film_plane(film)
    if plane.spacing != (1.0, 1.0):
        del area.PresentationPixelAspectRatio
        area.PresentationPixelSpacing = [f"{value:.10g}" for value in plane.spacing]


def _window(film: Dataset) -> tuple[float, float] | None:
    """The first window; None where there is none, or none of a width that DICOM allows."""
    center, width = (np.atleast_1d(film[keyword].value)[0] if keyword in film else None for keyword in _WINDOW)
    return None if center is None or width is None or float(width) < 1 else (center, width)
