"""The explanation methods by name, for command lines, which do not import what computes them: one file each."""

from __future__ import annotations

from launcher.packaged_files import ROOMS

DEFAULT_METHOD = "meaningful_perturbation"
_FILES = (ROOMS / "explanations" / "methods").glob("[!_]*.py")
METHODS = (DEFAULT_METHOD, *sorted(path.stem for path in _FILES if path.stem != DEFAULT_METHOD))
