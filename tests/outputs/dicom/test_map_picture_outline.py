"""The map as numbers, as a picture and as an outline: values and places by hand."""

from __future__ import annotations

import numpy as np
import pytest

from outputs.colour_map import palette

HEATMAP = np.zeros((3, 4), np.float32)
HEATMAP[1, 2] = 0.8


def groups(made):
    (shared,), (frame,) = made.SharedFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence
    return {element.keyword: element.value[0] for group in (shared, frame) for element in group}


def test_the_map_holds_the_methods_numbers(make_objects):
    made = make_objects()["map"]
    assert (made.Rows, made.Columns, made.NumberOfFrames) == (3, 4, 1)
    np.testing.assert_array_equal(np.frombuffer(made.FloatPixelData, "<f4").reshape(3, 4), HEATMAP)
    assert made.ContentQualification == "RESEARCH"
    assert made.RecognizableVisualFeatures == "NO"


@pytest.mark.parametrize(("method", "code"), [("saliency", "130404"), ("grad_cam", "130403")])
def test_the_map_is_coded_as_a_visual_explanation(make_objects, method, code):
    mapping = groups(make_objects({"method": method})["map"])["RealWorldValueMappingSequence"]
    (quantity,) = mapping.QuantityDefinitionSequence
    (concept,) = quantity.ConceptCodeSequence
    assert (concept.CodeValue, concept.CodingSchemeDesignator) == (code, "DCM")
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"


def test_the_map_lies_edge_to_edge_on_a_film_without_a_frame_of_reference(make_objects):
    made = make_objects(PixelSpacing=[0.2, 0.1])["map"]
    found = groups(made)
    # 30 x 40 pixels in 3 x 4 cells of 10 x 10; 2 mm high, 1 mm wide; centre 4.5 pixels from that of the first pixel
    assert list(found["PixelMeasuresSequence"].PixelSpacing) == [2, 1]
    assert found["PlanePositionSequence"].ImagePositionPatient == [0.45, 0.9, 0]
    assert list(found["PlaneOrientationSequence"].ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    assert made.FrameOfReferenceUID.startswith("2.25.")
    assert made.PositionReferenceIndicator == "invented: the film has none"
    assert "its frame of reference is invented" in made.ImageComments


def test_the_map_keeps_a_frame_of_reference(make_objects):
    plane = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    made = make_objects(FrameOfReferenceUID="1.2.9", PixelSpacing=[1, 1], **plane)["map"]
    assert made.FrameOfReferenceUID == "1.2.9"
    assert groups(made)["PlanePositionSequence"].ImagePositionPatient == [5.5, 2, -1.5]
    assert not made.PositionReferenceIndicator
    assert "invented" not in made.ImageComments


def test_the_map_refers_to_the_film(make_objects):
    made = make_objects()["map"]
    (series,) = made.ReferencedSeriesSequence
    (image,) = series.ReferencedInstanceSequence
    assert (series.SeriesInstanceUID, image.ReferencedSOPInstanceUID) == ("1.2.3.2", "1.2.3.3")
    (source,) = groups(made)["DerivationImageSequence"].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == "1.2.3.3"


def test_the_picture_is_the_film_with_the_map_above_a_strip(make_objects):
    made = make_objects()["picture"]
    assert made.Columns == 1024
    assert made.Rows > 768  # 30 x 40 at a width of 1024, and the strip
    shown = made.pixel_array
    assert shown.shape == (made.Rows, 1024, 3)
    corner, hottest = shown[760, 8], shown[384, 640].astype(int)  # the hot cell's centre: row 1.5 of 3, column 2.5 of 4
    assert corner[0] == corner[1] == corner[2]  # gray: nothing matters there
    assert hottest.max() - hottest.min() > 60  # coloured
    bar = shown[768 + 9 + 4, 12:-12].astype(int)
    assert np.abs(bar[0] - palette()[0]).max() < 12
    assert np.abs(bar[-1] - palette()[-1]).max() < 12
    assert shown[800:].max() == 255  # the notice, white on black
    assert shown[800:].mean() < 64


def test_the_picture_says_what_it_comes_from(make_objects):
    made = make_objects()["picture"]
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.3"
    assert list(made.PatientOrientation) == ["L", "F"]
    assert made.ImageComments == "research use only, not for diagnosis"
    assert "Pneumonia" in made.DerivationDescription
    for unknown in (None, ["0", "F"], ["L", "L"]):
        assert make_objects(PatientOrientation=unknown)["picture"].PatientOrientation in (None, "")


def test_what_is_written_or_lost_in_the_film_is_so_in_its_picture(make_objects):
    made = make_objects(BurnedInAnnotation="YES", LossyImageCompression="01", LossyImageCompressionMethod="ISO_10918_1")
    assert made["picture"].BurnedInAnnotation == "YES"
    assert made["picture"].LossyImageCompression == "01"
    assert made["picture"].LossyImageCompressionMethod == "ISO_10918_1"


@pytest.mark.parametrize("shape", [(8, 8), (9, 300), (300, 9)])
def test_every_shape_has_a_picture_with_its_notice(make_objects, shape):
    made = make_objects(samples=np.zeros(shape, np.uint16))["picture"]
    assert max(made.pixel_array.shape[:2]) >= 1024
    assert made.pixel_array[-40:].max() == 255


def test_the_outline_is_a_diamond_in_the_films_pixels(make_objects):
    made = make_objects()["outline"]
    (annotation,) = made.GraphicAnnotationSequence
    (line,) = annotation.GraphicObjectSequence
    assert (line.GraphicType, line.GraphicAnnotationUnits) == ("POLYLINE", "PIXEL")
    xs, ys = line.GraphicData[::2], line.GraphicData[1::2]
    # the cell's centre is at 25, 15; at half of the highest value, half way to the next centres, 10 pixels away
    assert set(zip(xs, ys, strict=True)) == {(25, 10), (30, 15), (25, 20), (20, 15)}
    (text,) = annotation.TextObjectSequence
    assert text.UnformattedTextValue == (
        "research use only, not for diagnosis; COVID-19 0.880; outline: why Pneumonia, by saliency"
    )
    assert made.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.3"


@pytest.mark.parametrize(
    ("header", "shape"), [({}, "IDENTITY"), ({"PhotometricInterpretation": "MONOCHROME1"}, "INVERSE")]
)
def test_the_outline_leaves_the_film_as_bright_as_it_is(make_objects, header, shape):
    made = make_objects(**header)["outline"]
    assert made.PresentationLUTShape == shape
    assert "SoftcopyVOILUTSequence" not in made
    assert "RescaleSlope" not in made


def test_the_outline_repeats_the_films_gray_scale(make_objects):
    made = make_objects(WindowCenter=[2000, 1], WindowWidth=[4000, 2], RescaleSlope=2, RescaleIntercept=-5)["outline"]
    (voi,) = made.SoftcopyVOILUTSequence
    assert (voi.WindowCenter, voi.WindowWidth) == (2000, 4000)
    assert (made.RescaleSlope, made.RescaleIntercept, made.RescaleType) == (2, -5, "US")


def test_a_window_that_dicom_does_not_allow_is_not_repeated(make_objects):
    assert "SoftcopyVOILUTSequence" not in make_objects(WindowCenter=5, WindowWidth=0)["outline"]
    assert "SoftcopyVOILUTSequence" not in make_objects(WindowCenter=5)["outline"]


def test_the_outline_keeps_the_shape_of_pixels(make_objects):
    (area,) = make_objects(PixelSpacing=[0.2, 0.1])["outline"].DisplayedAreaSelectionSequence
    assert list(area.PresentationPixelSpacing) == [0.2, 0.1]
    assert "PresentationPixelAspectRatio" not in area
    (area,) = make_objects()["outline"].DisplayedAreaSelectionSequence
    assert list(area.PresentationPixelAspectRatio) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [40, 30]


def test_an_empty_map_has_no_outline(make_objects):
    assert list(make_objects({"heatmap": np.zeros((3, 4), np.float32)})) == ["report", "map", "picture"]


def test_a_film_in_colour_has_no_outline(make_objects):
    assert "outline" not in make_objects(PhotometricInterpretation="RGB", SamplesPerPixel=3)


def test_a_map_of_specks_has_twenty_outlines(make_objects):
    specks = np.zeros((15, 15), np.float32)
    specks[1::2, 1::2] = 1
    made = make_objects({"heatmap": specks})["outline"]
    assert len(made.GraphicAnnotationSequence[0].GraphicObjectSequence) == 20
