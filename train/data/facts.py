"""What is known of a film beside its label, in the few words that films are grouped by: source, view, sex, age band."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "unknown"
VIEWS = ("PA", "AP", "lateral", "frontal", UNKNOWN)  # "frontal": PA or AP, which of them is not known
SEXES = ("female", "male", UNKNOWN)
AGE_BANDS = ("under 18", "18 to 39", "40 to 59", "60 to 79", "80 and over", UNKNOWN)
_BAND_ENDS = (18, 40, 60, 80)  # years; a band begins where the one before ends

_VIEW_WORDS = {
    "pa": "PA", "posteroanterior": "PA",
    "ap": "AP", "anteroposterior": "AP",
    "l": "lateral", "ll": "lateral", "rl": "lateral", "lat": "lateral", "lateral": "lateral",
    "frontal": "frontal",
}  # fmt: skip
_SIDES_AND_POSES = {"left", "right", "supine", "erect", "upright", "sitting", "portable"}
_SEX_WORDS = {"f": "female", "female": "female", "w": "female", "m": "male", "male": "male"}


@dataclass(frozen=True)
class Facts:
    """The groups that a film belongs to.

    Attributes:
        source: the collection or hospital, as the data says.
        view: one of VIEWS.
        sex: one of SEXES.
        age: one of AGE_BANDS.
    """

    source: str = UNKNOWN
    view: str = UNKNOWN
    sex: str = UNKNOWN
    age: str = UNKNOWN


def view_of(text: str) -> str:
    """The view that a list's or a header's word means: "AP Supine" is AP, "PA?" and what is not known is UNKNOWN.

    "frontal?" is UNKNOWN too: whoever doubts that a film is frontal says nothing of it.
    """
    words = [word for word in text.lower().replace("_", " ").split() if word not in _SIDES_AND_POSES]
    return _VIEW_WORDS.get(words[0], UNKNOWN) if len(words) == 1 else UNKNOWN


def sex_of(text: str) -> str:
    """female or male, from F, M, W or the words in any case; anything else is UNKNOWN."""
    return _SEX_WORDS.get(text.strip().lower(), UNKNOWN)


def age_band(years: float | None) -> str:
    """The band of AGE_BANDS that an age in years lies in."""
    if years is None:
        return UNKNOWN
    return AGE_BANDS[sum(years >= end for end in _BAND_ENDS)]
