"""One bill of materials for an image: the packages of its Python environment and those of Debian.

    python sbom.py PYTHON DEBIAN_PACKAGES OUT

PYTHON: the environment's interpreter. DEBIAN_PACKAGES: name, version and architecture of each Debian package, separated
by tabs, as dpkg-query shows them. OUT: CycloneDX 1.6 in JSON, checked against its schema.

Runs in the build alone, with cyclonedx-bom installed; what it says of Python packages is that tool's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

DISTRIBUTION = "debian-12"


def debian_component(line: str) -> dict[str, str]:
    """The CycloneDX component of one line of DEBIAN_PACKAGES."""
    name, version, architecture = line.split("\t")
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro={DISTRIBUTION}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def python_environment(python: str) -> dict[str, object]:
    """The bill of an environment's Python packages, as cyclonedx-py writes it."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--sv", "1.6", python]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def validate(bill: str) -> None:
    """Leave with status 1 when `bill` is no CycloneDX 1.6."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill):
        sys.exit(f"the bill of materials breaks its schema: {error}")


def main(python: str, debian_packages: str, out: str) -> None:
    """Write the bill."""
    bill = python_environment(python)
    lines = Path(debian_packages).read_text().splitlines()
    bill["components"] = [*bill["components"], *map(debian_component, lines)]  # type: ignore[misc]
    text = json.dumps(bill, indent=1) + "\n"
    validate(text)
    Path(out).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
