"""This machine: what its processor is called, and where what was made for it alone is kept."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def processor(cpuinfo: Path = _CPUINFO) -> str:
    """The processor's model with family, model and stepping, where the system tells: a short name without spaces.

    Two processors of one name have the same instructions, as far as a virtual machine says what it has.
    """
    facts: dict[str, str] = {}
    try:
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass  # not Linux
    known = [facts[name] for name in ("model name", "cpu family", "model", "stepping") if facts.get(name)]
    return re.sub(r"[^A-Za-z0-9]+", "-", " ".join([platform.machine(), *known])).strip("-").lower()


def cache_folder() -> Path:
    """`~/.cache/coronet`, or below XDG_CACHE_HOME; it need not exist. It may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "coronet"
