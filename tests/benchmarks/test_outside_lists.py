"""Films outside the classes fall into one of two halves, by their path alone."""

from __future__ import annotations

from benchmarks.outside_lists import HALVES, half_of, outside_lists

ROWS = [
    {"path": f"other/tb/{number}.jpg", "class": "other:TB", "source": "tuberculosis"} for number in range(50)
] + [
    {"path": "normal/a.jpg", "class": "normal", "source": "child-normal"},
    {"path": "normal/b.jpg", "class": "normal", "source": "rsna"},
]  # fmt: skip


def test_every_film_outside_is_in_one_half_and_no_other_film_is() -> None:
    halves = [outside_lists(ROWS, half) for half in HALVES]
    listed = [path for half in halves for paths in half.values() for path in paths]
    assert sorted(listed) == sorted(row["path"] for row in ROWS if row["source"] != "rsna")
    assert all(10 < len(half["tuberculosis"]) < 40 for half in halves)


def test_a_half_follows_from_the_path() -> None:
    # SHA-256 of "a" ends in ...bb, of "b" in ...9d: both odd; that of "d" in ...e4, even.
    assert [half_of(name) for name in "abd"] == ["development", "development", "final"]
