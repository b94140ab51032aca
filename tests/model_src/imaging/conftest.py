"""The writers of `tests/image_writers.py` as fixtures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import image_writers


@pytest.fixture
def write_picture() -> Callable[..., bytes]:
    """A format of Pillow's."""
    return image_writers.write_picture


@pytest.fixture
def write_tiff() -> Callable[..., bytes]:
    """Layouts of TIFF that Pillow does not write."""
    return image_writers.write_tiff


@pytest.fixture
def write_dicom() -> Callable[..., bytes]:
    """A chest CR in any transfer syntax."""
    return image_writers.write_dicom
