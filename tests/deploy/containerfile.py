"""Containerfiles as tests read them: stages, each a list of instructions."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "deploy" / "containers"
CONTAINERFILES = sorted(CONTAINERS.glob("Containerfile*"))


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, and the rest with continued lines joined."""

    name: str
    text: str

    def words(self) -> list[str]:
        """The words of a COPY, an exec form (a JSON list), or a shell's command line."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


@dataclass(frozen=True)
class Stage:
    """What stands between one FROM and the next."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, *names: str) -> list[Instruction]:
        """Its instructions of these names."""
        return [each for each in self.instructions if each.name in names]

    def last(self, name: str) -> Instruction:
        """The last one of this name, which is the one that counts."""
        return self.all(name)[-1]


def read(text: str) -> tuple[dict[str, str], list[Stage]]:
    """(ARGs before the first FROM, stages in order)."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    lines = re.sub(r"\\\n\s*", " ", lines)
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(str.strip, lines.splitlines()):
        name, _, rest = line.strip().partition(" ")
        instruction = Instruction(name.upper(), rest.strip())
        if instruction.name == "FROM":
            base, *called = instruction.text.split()
            stages.append(Stage(base, called[1] if called else ""))
        elif stages:
            stages[-1].instructions.append(instruction)
        else:
            key, _, value = instruction.text.partition("=")
            arguments[key] = value
    return arguments, stages


def stages_of(path: Path) -> list[Stage]:
    """The stages of a file."""
    return read(path.read_text())[1]


def last_image(stages: list[Stage]) -> list[Stage]:
    """The last stage and those that it stands on by FROM: what is in the image that is shipped."""
    named = {stage.name: stage for stage in stages}
    image = [stages[-1]]
    while image[0].base in named:
        image.insert(0, named[image[0].base])
    return image
