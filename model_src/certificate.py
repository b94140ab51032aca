"""certificate.json: which explanation methods have stood the four tests of Arun et al. 2021, with these weights.

    localisation     the map finds what radiologists marked better than the usual place of such marks
    randomisation    the map is lost when what the model has learned is lost
    repeatability    the same method with other random numbers, and on another training, gives a like map
    reproducibility  so does the same method on another architecture

`coronet certify` writes it beside a run's weights; export and archive carry it. Without one, nothing is certified.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from model_src.beside_weights import WeightsFile

CERTIFICATE_NAME = "certificate.json"
FORMAT_VERSION = 1
TESTS = ("localisation", "randomisation", "repeatability", "reproducibility")

Count = Annotated[int, Field(ge=0, description="at least 0")]
Figure = Annotated[float, Field(ge=-1, le=1, description="from -1 to 1")]


@dataclass(frozen=True)
class TestResult:
    """One method in one test.

    Attributes:
        test: its name.
        passed: None where it was not made.
        figure: what was measured, a mean over films; None where it was not made.
        low, high: its 95% interval, films of one patient together.
        needed: what the figure had to be, in words; or why the test was not made.
        films: how many were measured.
        of: what the figure is, in a few words.
        parts: the figures that it was put together from, by what they are.
    """

    __test__ = False  # no test of pytest's

    test: Literal["localisation", "randomisation", "repeatability", "reproducibility"]
    passed: bool | None
    figure: Figure | None
    low: Figure | None
    high: Figure | None
    needed: str
    films: Count
    of: str
    parts: dict[str, Figure]

    @property
    def sentence(self) -> str:
        """ "localisation passed (0.41, above 0.39)"; "reproducibility not made (...)"."""
        if self.passed is None or self.figure is None:
            return f"{self.test} not made ({self.needed})"
        return f"{self.test} {'passed' if self.passed else 'failed'} ({self.figure:.2f}, needs {self.needed})"


@dataclass(frozen=True)
class Certificate:
    """What `certificate.json` holds.

    Attributes:
        weights: file name -> SHA-256 of the run's weights that were tested.
        films: with boxes, told rightly, that the tests were made on.
        patients: of those.
        split: that the films are of.
        methods: method -> its four tests; with the options that are its defaults.
        settings: method -> those options, by name.
    """

    weights: dict[str, str]
    films: Count
    patients: Count
    split: str
    methods: dict[str, tuple[TestResult, ...]]
    settings: dict[str, dict[str, str]]
    format_version: int = FORMAT_VERSION

    def line(self, method: str) -> str | None:
        """One line on a method, None for one that was not tested."""
        tests = self.methods.get(method)
        if not tests:
            return None
        made = [test for test in tests if test.passed is not None]
        passed = sum(bool(test.passed) for test in made)
        counted = f"stood {passed} of {len(made)} tests on {self.films} films, default options"
        return f"{counted}: {'; '.join(test.sentence for test in tests)}"

    def lines(self) -> dict[str, str]:
        """Method -> its line."""
        return {method: line for method in self.methods if (line := self.line(method))}


CERTIFICATE_FILE = WeightsFile(
    CERTIFICATE_NAME, Certificate, FORMAT_VERSION, "make it again with: coronet certify RUN_DIR DATA_DIR --boxes FILE"
)
