"""Memory that a process has freed but still holds: the C library keeps it for the next allocation."""

from __future__ import annotations

import ctypes
import platform


def return_freed_memory() -> None:
    """Give it back to the system. Only glibc can be asked to; elsewhere nothing happens.

    Making a model ready takes much more memory than answering does. A worker that waits should not hold it.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
