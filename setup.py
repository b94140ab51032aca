"""How the rooms of a checkout become one package. Everything else about the distribution is in setup.cfg.

In site-packages `train`, `client` or `cli` would be everybody's names. A wheel therefore holds `coronet_serve` alone,
with the rooms inside; coronet_serve/__init__.py makes them importable under their own names.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

PACKAGE = "coronet_serve"
ROOMS = (
    "model_src",
    "explanations",
    "inference",
    "outputs",
    "handlers",
    "train",
    "phantoms",
    "evaluation",
    "archive",
    "fronts",
    "launcher",
    "client",
    "web",
    "pacs",
    "scoring",
    "cli",
)
ROOT_FILES = ("config.properties", "log4j2.xml")  # TorchServe's; `coronet serve` looks for them beside the rooms


class BuildRooms(build_py):
    """Puts the files of the root beside the rooms, and nothing that an earlier build has left."""

    def run(self) -> None:
        package = Path(self.build_lib) / PACKAGE
        if not self.editable_mode:  # modules that are gone from the checkout would go into the wheel
            shutil.rmtree(package, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for name in ROOT_FILES:
                self.copy_file(name, str(package / name))


setup(
    packages=[PACKAGE, *(f"{PACKAGE}.{name}" for room in ROOMS for name in find_packages(include=[room, f"{room}.*"]))],
    package_dir={PACKAGE: PACKAGE, **{f"{PACKAGE}.{room}": room for room in ROOMS}},
    package_data={
        PACKAGE: ["py.typed"],
        f"{PACKAGE}.train": ["recipes/*.yaml"],
        f"{PACKAGE}.evaluation": ["*.html.j2"],
        f"{PACKAGE}.evaluation.card": ["sections/*.md.j2"],
        f"{PACKAGE}.web": ["static/*"],
        f"{PACKAGE}.scoring": ["*.html.j2"],
        f"{PACKAGE}.archive": ["*.yaml", "*.json", "pretrained/*"],
    },
    cmdclass={"build_py": BuildRooms},
)
