"""What files of images are called."""

from __future__ import annotations

from pathlib import PurePath

# Names of DICOM exports often end in a number or in nothing: "1.2.840.10008.5.1" has no ending.
ENDINGS = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".dcm", ".dicom", ".dic", ".ima"}
_NO_IMAGES = {"dicomdir", "thumbs.db", "readme", "license"}


def may_be_image(name: str) -> bool:
    """Whether a file of this name may be an image: by its ending; without one, or with a number for one, it may."""
    ending = PurePath(name).suffix.lower()
    return (ending in ENDINGS or not ending or ending[1:].isdigit()) and name.lower() not in _NO_IMAGES
