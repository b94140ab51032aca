"""Runs every instruction of a Containerfile in plain directories, where no builder of images is to be had.

A stage is a directory that is copied from the one before; RUN is a chroot into it. The result is what the image would
hold, and `Image.start` runs it as Kubernetes does by our manifests: not as root, without capabilities, nothing writable
but named directories. Needs root and debootstrap, which makes the base.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.containerfile import ROOT, Instruction, Stage, read

# The house's own mirrors and certificates, which a build by podman would be given as volumes.
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_PIP = "[global]\ncert = /run/authorities.crt\n"


@dataclass
class Image:
    """A finished stage: its directory, and what its instructions set."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"}
    )
    user: str = "0:0"
    directory: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def start(
        self, words: Sequence[str], writable: dict[str, Path], readable: dict[str, Path]
    ) -> subprocess.Popen[str]:
        """The image's entry point with `words`. `writable`, `readable`: path in the image -> directory mounted there.

        It has namespaces of its own for mounts and processes, and the machine's network.
        """
        root, (user, group) = self.root, self.user.split(":")
        mounts = [f"mount --bind {root} {root}", f"mount -o remount,bind,ro {root}"]
        mounts += [f"mount --bind {source} {root}{target}" for target, source in (writable | readable).items()]
        mounts += [f"mount -o remount,bind,ro {root}{target}" for target in readable]
        mounts += [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        enter = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"]
        enter += ["--bounding-set=-all", "--inh-caps=-all"]
        enter += ["sh", "-c", f"cd {self.directory} && exec {shlex.join([*self.entrypoint, *words])}"]
        script = " && ".join([*mounts, f"exec /usr/sbin/chroot {root} {shlex.join(enter)}"])
        return subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, writable: dict[str, Path] | None = None, readable: dict[str, Path] | None = None) -> str:
        """What it prints, standard error too, and its exit status on a last line of its own."""
        process = self.start(words, writable or {}, readable or {})
        printed, _ = process.communicate(timeout=300)
        return f"{printed}{process.returncode}"


def debian(directory: Path) -> Path:
    """A base: the smallest Debian 12 that installs packages, from the mirror that this machine uses."""
    mirror = re.search(r"^URIs:\s*(\S+)", _SOURCES.read_text(), re.M)
    command = ["debootstrap", "--variant=minbase", "bookworm", directory, *([mirror[1]] if mirror else [])]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return directory


def build(containerfile: Path, base: Path, work: Path, **arguments: str) -> Image:
    """Run every instruction of the file; `arguments` as --build-arg; stages are directories in `work`."""
    _, stages = read(containerfile.read_text())
    built: dict[str, Image] = {}
    image = Image(base)
    for number, stage in enumerate(stages):
        before = built.get(stage.base, Image(base))
        image = Image(work / f"stage-{number}", dict(before.environment))
        subprocess.run(["cp", "-a", before.root, image.root], check=True)
        _run_stage(stage, image, built, arguments)
        built[stage.name] = image
    return image


def _run_stage(stage: Stage, image: Image, built: dict[str, Image], arguments: dict[str, str]) -> None:
    given: dict[str, str] = {}
    for each in stage.instructions:
        if each.name == "ARG":
            name, _, default = each.text.partition("=")
            given[name] = arguments.get(name, default)
        elif each.name == "RUN":
            _run(each.text, image, given)
        elif each.name == "COPY":
            _copy(each, image, built)
        elif each.name == "ENV":
            image.environment |= dict(word.split("=", 1) for word in shlex.split(each.text))
        elif each.name == "USER":
            image.user = each.text
        elif each.name == "WORKDIR":
            image.directory = each.text
            (image.root / each.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif each.name == "ENTRYPOINT":
            image.entrypoint = each.words()
        elif each.name == "CMD":
            image.command = each.words()
        elif each.name not in ("LABEL", "EXPOSE"):  # what these say changes no file
            raise NotImplementedError(each.name)


def _run(command: str, image: Image, given: dict[str, str]) -> None:
    root = image.root
    files = {"run/authorities.crt": _AUTHORITIES.read_text(), "etc/pip.conf": _PIP, "etc/resolv.conf": _resolver()}
    if _SOURCES.is_file():
        files["etc/apt/sources.list.d/debian.sources"] = _SOURCES.read_text()
    for name, text in files.items():
        (root / name).write_text(text)
    mounts = f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev"
    inside = shlex.join(["sh", "-c", f"cd {image.directory} && {command}"])
    environment = image.environment | given | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", f"{mounts} && chroot {root} {inside}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    for name in files:
        (root / name).unlink(missing_ok=True)
    assert done.returncode == 0, f"RUN {command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def _resolver() -> str:
    return Path("/etc/resolv.conf").read_text()


def _copy(instruction: Instruction, image: Image, built: dict[str, Image]) -> None:
    *words, target = instruction.words()
    place = image.root / os.path.normpath(os.path.join(image.directory, target)).lstrip("/")  # noqa: PTH118
    if words[0].startswith("--from="):
        source = built[words[0].removeprefix("--from=")].root / words[1].lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            shutil.rmtree(place)
        subprocess.run(["cp", "-al", source, place], check=True)  # links: nothing runs in that stage any more
        return
    for word in words:
        for file in _context(word):
            inner = file.relative_to(ROOT) if word == "." else file.relative_to((ROOT / word).parent)
            if (ROOT / word).is_dir() and word != ".":  # a directory's content is copied, not the directory
                inner = file.relative_to(ROOT / word)
            copied = place / inner
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copied)


def _context(word: str) -> list[Path]:
    """The files below a path of the checkout that a build sees."""
    from tests.deploy.test_containerfiles import ignored

    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", word]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file() and not ignored(name)]
