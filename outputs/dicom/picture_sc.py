"""The heat map as a picture, for viewers that show no maps: a Secondary Capture of film, map in colour, and legend."""

from __future__ import annotations

import numpy as np
from highdicom.sc import SCImage
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from inference.results import Explanation
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from outputs.dicom.new_object import Origin
from outputs.drawing import LONGEST_SIDE, PAPER, draw_bar, fitted_size, font, wrap
from outputs.overlay_png import overlay

_BLACK = (0, 0, 0)
_LETTERS = 18  # pixels high


def picture(origin: Origin, explanation: Explanation, pixels: np.ndarray) -> Dataset:
    """The map over the film `pixels` (H, W), 8-bit RGB, longest side 1024, above a strip with colour bar and notice."""
    height, width = pixels.shape
    shown = overlay(explanation.heatmap, pixels, fitted_size((width, height), LONGEST_SIDE))
    made = SCImage.from_ref_dataset(
        ref_dataset=origin.reference,
        pixel_array=np.asarray(_with_strip(shown)),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # replaced below: it must be given, and must not be made up
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        **origin.identity("picture", 2),
    )
    _copy(origin.reference, made)
    made.DerivationDescription = (
        f"why {CLASS_NAMES[explanation.target]}, by {explanation.method}: {explanation.sign}; "
        "invisible below 0.10, strongest from 0.55"
    )[:1024]
    made.ImageComments = RESEARCH_USE
    return made


def _copy(film: Dataset, made: Dataset) -> None:
    """What the picture shows is the film's: how it lies, what is written on it, whether it was ever compressed."""
    directions = list(film.get("PatientOrientation") or [])
    known = len(set(directions)) == 2 and all(each and set(each) <= set("LRAPHF") for each in directions)
    made.PatientOrientation = directions if known else None
    if "BurnedInAnnotation" in film:
        made.BurnedInAnnotation = film.BurnedInAnnotation
    if film.get("LossyImageCompression") == "01":
        for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if keyword in film:
                made[keyword] = film[keyword]
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
    made.SourceImageSequence = [source]


def _with_strip(shown: Image.Image) -> Image.Image:
    """The picture above a black strip, which covers nothing of the film."""
    letters, margin = font(_LETTERS), _LETTERS // 2
    lines = wrap([RESEARCH_USE], letters, max(1, shown.width - 2 * margin))
    top = shown.height
    canvas = Image.new("RGB", (shown.width, top + 2 * _LETTERS + (len(lines) * 3 * _LETTERS + margin) // 2), _BLACK)
    canvas.paste(shown)
    draw_bar(canvas, (margin, top + margin, shown.width - margin, top + margin + _LETTERS // 2))
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        draw.text((margin, top + 1.5 * _LETTERS * (number + 1)), line, fill=PAPER, font=letters)
    return canvas
