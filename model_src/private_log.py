"""What a log may say of a failure: kind and place, never a message.

Messages of libraries quote what they choked on: names in a DICOM header, bytes of an image, values of a form. Logs
are kept longer and read by more people than images, and the lines of the code are enough to find a defect.
"""

from __future__ import annotations

import logging
import traceback
import warnings
from pathlib import PurePath

logger = logging.getLogger(__name__)


def error_location(error: BaseException) -> str:
    """The type of an exception and where it was raised, then the same of what caused it; on one line."""
    described: list[str] = []
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        places = (_place(frame.filename, frame.lineno) for frame in traceback.extract_tb(cause.__traceback__))
        described.append(f"{type(cause).__name__} at {' > '.join(places) or 'an unknown place'}")
        cause = cause.__cause__ or cause.__context__
    return "; from ".join(described)


def shorten_warnings() -> None:
    """From now on this process logs of a Python warning its category and place alone."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
    ) -> None:
        logger.warning("%s at %s", category.__name__, _place(filename, lineno))

    warnings.showwarning = show


def _place(filename: str, line: int | None) -> str:
    """File (with its folder) and line."""
    return f"{'/'.join(PurePath(filename).parts[-2:])}:{line}"
