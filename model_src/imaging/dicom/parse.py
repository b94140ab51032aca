"""DICOM files by their first bytes."""

from __future__ import annotations

import re

_WITH_PREAMBLE = re.compile(rb".{128}DICM", re.DOTALL)

# DICOM without the 128-byte preamble, as some archives store it. Two bytes would be too weak a sign, so
# the first element must be one that can only stand there: the length of the file meta group, or one of
# group 8, in explicit VR (group length, character set, image type, date, time, SOP class) or in implicit VR
# with the values that these have.
_BARE_DICOM = re.compile(
    rb"\x02\x00\x00\x00UL\x04\x00"
    rb"|\x08\x00(?:\x00\x00UL\x04\x00|\x05\x00CS|\x08\x00CS|\x12\x00DA|\x13\x00TM|\x16\x00UI)"
    rb"|\x08\x00(?:\x05\x00.\x00{3}ISO[ _]|\x08\x00.\x00{3}(?:ORIGINAL|DERIVED)\\|\x16\x00.\x00{3}1\.2\.840\.10008\.)",
    re.DOTALL,
)


def is_dicom(head: bytes) -> bool:
    """True for the first bytes of a DICOM file."""
    return bool(_WITH_PREAMBLE.match(head)) or lacks_preamble(head)


def lacks_preamble(data: bytes) -> bool:
    """True for DICOM that begins with its first element instead of the preamble and "DICM"."""
    return _BARE_DICOM.match(data) is not None
