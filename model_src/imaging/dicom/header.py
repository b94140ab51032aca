"""What the header says an image is: a single-frame radiograph, of the chest, seen from the front."""

from __future__ import annotations

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.decoding import one_line
from model_src.imaging.dicom.words import names_chest, names_frontal

# Plain radiographs: computed, digital, "DR" as some devices write, and digitised film.
_MODALITIES = ("CR", "DX", "DR", "RG")
_RADIOGRAPH_CLASSES = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
)


def check_radiograph(ds: Dataset) -> None:
    """Refuse what is no single-frame radiograph with pixels.

    Raises:
        InvalidImage: damaged or cut.
        UnsupportedImage: another modality, no image, several frames.
    """
    if not ds:
        raise InvalidImage("the DICOM file holds no elements; export it again")
    modality = header_text(ds, "Modality")
    sop_class = uid.UID(ds.get("SOPClassUID") or ds.file_meta.get("MediaStorageSOPClassUID") or "")
    if modality not in _MODALITIES and not (modality == "" and sop_class in _RADIOGRAPH_CLASSES):
        name = f" ({one_line(sop_class.name, 64)})" if modality == "" and sop_class.name != sop_class else ""
        raise UnsupportedImage(
            f"found DICOM modality {modality[:16] or 'none'}{name}, need a radiograph ({', '.join(_MODALITIES)})"
        )
    if "PixelData" not in ds:
        if "Rows" in ds and "FloatPixelData" not in ds:
            raise InvalidImage("the DICOM file ends before its pixel data; export it again")
        raise UnsupportedImage("found DICOM without integer pixel data; send the image object of the study")
    if not _is_one_frame(frames := _raw_text(ds, "NumberOfFrames")):
        raise UnsupportedImage(f"found DICOM of {frames[:16]} frames; send a single-frame image")


def header_doubts(ds: Dataset) -> list[str]:
    """What makes a radiograph unlike those the networks are trained on; quotes nothing personal."""
    warnings = []
    if not names_chest(ds):
        warnings.append(f"body part examined is {header_text(ds, 'BodyPartExamined')[:16]}, not the chest")
    if not names_frontal(ds):
        warnings.append(f"view position is {header_text(ds, 'ViewPosition')[:16]}, not frontal (PA or AP)")
    if header_text(ds, "PresentationIntentType") == "FOR PROCESSING":
        warnings.append("raw detector data (FOR PROCESSING): its gray values are not meant for viewing")
    shape = header_text(ds, "PresentationLUTShape")
    photometric = header_text(ds, "PhotometricInterpretation")
    if shape and (shape == "INVERSE") != (photometric == "MONOCHROME1"):
        # In image objects the shape repeats the photometric interpretation (PS3.3 C.8.11.3.1.2).
        warnings.append(f"PresentationLUTShape {shape[:16]} contradicts {photometric}, which is followed")
    return warnings


def header_text(ds: Dataset, keyword: str) -> str:
    """A header text in capitals, "" when absent; the first of several."""
    value = ds.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return "" if value is None else one_line(value, 64).upper()


def header_integer(ds: Dataset, keyword: str, default: int | None = None) -> int:
    """A whole number.

    Raises:
        InvalidImage: missing without a default, or no whole number.
    """
    value = ds.get(keyword)
    value = default if value is None else value
    if not isinstance(value, int):
        raise InvalidImage(f"{keyword} in the DICOM header is missing or no number; export it again")
    return value


def _raw_text(ds: Dataset, keyword: str) -> str:
    """An element as it stands in the file: pydicom raises at spellings that it does not know."""
    if keyword not in ds:
        return ""
    value = ds.get_item(keyword).value
    text = value.decode("latin-1") if isinstance(value, bytes) else str("" if value is None else value)
    return one_line(text.replace("\0", " "), 64)


def _is_one_frame(text: str) -> bool:
    """True for nothing, 0 and 1 in every spelling: 1.0, 01, +1, 1e0, 1,0, and the same twice."""
    try:
        return all(not part.strip() or float(part.replace(",", ".")) in (0, 1) for part in text.split("\\"))
    except ValueError:
        return False
