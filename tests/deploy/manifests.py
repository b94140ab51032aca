"""What the Kustomize folders become, as kubectl builds them, and where a pod is in each kind of object."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())

_OF_PODS = ("Deployment", "Job")

Object = dict[str, Any]


def kustomize(folder: Path) -> str:
    """The YAML that `kubectl apply -k` would send."""
    kubectl = Path(sys.executable).with_name("kubectl")
    built = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    assert built.stderr == ""  # warnings of what kustomize no longer likes
    return built.stdout


@cache
def objects(overlay: str) -> list[Object]:
    """Everything in an overlay."""
    return list(yaml.safe_load_all(kustomize(KUBERNETES / "overlays" / overlay)))


def with_component(component: str, work: Path) -> list[Object]:
    """Everything in the overlay `cpu` with a component added; `work` is a new directory."""
    overlay = work / "overlay"
    overlay.mkdir(parents=True)
    # Kustomize takes relative paths alone.
    (work / "kubernetes").symlink_to(KUBERNETES)
    (overlay / "kustomization.yaml").write_text(
        f"resources: [../kubernetes/overlays/cpu]\ncomponents: [../kubernetes/components/{component}]\n"
    )
    return list(yaml.safe_load_all(kustomize(overlay)))


def of_kind(overlay: str, kind: str) -> dict[str, Object]:
    """Its objects of one kind, by name."""
    return {each["metadata"]["name"]: each for each in objects(overlay) if each["kind"] == kind}


def pods(overlay: str) -> dict[str, Object]:
    """The pod templates of its Deployments and Jobs, by the object's name."""
    return templates(objects(overlay))


def templates(found: list[Object]) -> dict[str, Object]:
    """The pod templates of the Deployments and Jobs among objects, by the object's name."""
    return {each["metadata"]["name"]: each["spec"]["template"] for each in found if each["kind"] in _OF_PODS}
