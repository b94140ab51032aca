"""The heat map as numbers: a Parametric Map of float32, coded as a visual explanation (CID 217)."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from highdicom import (
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
    VOILUTTransformation,
    pm,
)
from pydicom.dataset import Dataset

from inference.results import Explanation
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from outputs.dicom import codes
from outputs.dicom.geometry import film_plane, map_plane
from outputs.dicom.identifiers import make_uid
from outputs.dicom.new_object import Origin

_THICKNESS = 1.0  # millimetres: an attribute that must be there, of a projection that has none


def heat_map(origin: Origin, explanation: Explanation) -> Dataset:
    """The map at its own grid (h, w), exactly the numbers that the method gave, placed over the film's pixels."""
    values = np.ascontiguousarray(explanation.heatmap, dtype=np.float32)
    film = film_plane(origin.reference)
    plane = map_plane(film, (origin.reference.Rows, origin.reference.Columns), values.shape)
    source = deepcopy(origin.reference)  # highdicom places a map by its source
    source.FrameOfReferenceUID = film.frame_of_reference
    source.ImagePositionPatient = [f"{value:.10g}" for value in film.origin]
    source.ImageOrientationPatient = [f"{value:.10g}" for value in (*film.along_row, *film.down_column)]
    source.PixelSpacing = [f"{value:.10g}" for value in film.spacing]
    source.SliceThickness = _THICKNESS
    height, width = values.shape
    target = CLASS_NAMES[explanation.target]
    code = codes.map_code(explanation.method)
    mapping = pm.RealWorldValueMapping(
        lut_label="EXPLANATION",
        lut_explanation="0 = matters least, 1 = matters most",
        unit=codes.NO_UNITS,
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=code,
    )
    made = pm.ParametricMap(
        source_images=[source],
        pixel_array=values,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            VOILUTTransformation(window_center=0.5, window_width=1.0, voi_lut_function="LINEAR_EXACT")
        ],
        content_label="EXPLANATION",
        content_description=f"why {target}: {explanation.method}",
        pixel_measures=PixelMeasuresSequence(plane.spacing, _THICKNESS),
        plane_orientation=PlaneOrientationSequence("PATIENT", (*plane.along_row, *plane.down_column)),
        plane_positions=[PlanePositionSequence("PATIENT", plane.origin.tolist())],
        derivation=code,
        **origin.identity("map", 1),
    )
    organization = make_uid("dimensions", *origin.key)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    made.PositionReferenceIndicator = "invented: the film has none" if plane.invented else ""
    made.ImageComments = "; ".join(
        [
            RESEARCH_USE,
            f"why {target}, by {explanation.method}: {explanation.sign}",
            f"{width} x {height} cells over the film's {source.Columns} x {source.Rows} pixels, edge to edge",
            *(["its frame of reference is invented, since the film has none"] if plane.invented else []),
        ]
    )
    return made
