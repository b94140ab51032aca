"""Which films an epoch shows: all of them, or a fixed number drawn so that groups weigh the same.

Where nearly all films of a class are of one hospital or one view, a network learns the hospital or the view. Drawn by
class, source and view, every class is shown as often, in every source each view, and in every class each source by the
square root of its films: a hundred times as many films count ten times as much. A group of few films would still be
shown again and again until it is known by heart, so no film is drawn more than MOST_REPEATS times an epoch; what a
group cannot give, the others of its class give.

A draw depends on the seed and the epoch alone: a resumed training draws the same, and so does every process of one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from train.data.examples import Example

SAMPLINGS = ("none", "class", "class_source_view")
_SOURCE = 1  # where the source stands in a group
MOST_REPEATS = 10  # of one film in an epoch, where films are drawn by group

Group = tuple[int | str, ...]  # (class,) or (class, source, view)


def group_of(example: Example, sampling: str) -> Group:
    """The group that a film is drawn from."""
    if sampling == "class":
        return (example.label,)
    return (example.label, example.facts.source, example.facts.view)


def draw_films(examples: Sequence[Example], sampling: str, films: int, epoch: int, seed: int) -> np.ndarray:
    """The films of one epoch in the order in which they are shown: int64 (n,), numbers of `examples`.

    Args:
        sampling: "none" draws all alike, each film once before any comes again; else see `SAMPLINGS`.
        films: how many to draw, 0 for as many as there are. Fewer come where MOST_REPEATS ends small groups.
        epoch, seed: decide the draw.
    """
    draw = np.random.default_rng((seed, epoch))
    films = films or len(examples)
    if sampling == "none":
        return _in_turn(np.arange(len(examples)), films, draw)
    members: dict[Group, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        members[group_of(example, sampling)].append(number)
    shares = share_out({group: MOST_REPEATS * len(own) for group, own in members.items()}, films)
    drawn = [_in_turn(np.array(members[group]), shares[group], draw) for group in sorted(members)]
    return draw.permutation(np.concatenate(drawn))


def share_out(room: dict[Group, int], films: int, level: int = 0) -> dict[Group, int]:
    """How many of `films` each group gives: a share of its class's, of its source's, and so on down.

    Args:
        room: group -> the most that it can give. Groups of one first part (class) are shares of one share.
        films: how many in all.
        level: of the groups' first part: 0 class, 1 source, 2 view.
    """
    if all(len(group) == 0 for group in room):
        return {group: min(films, most) for group, most in room.items()}
    inner: dict[int | str, dict[Group, int]] = defaultdict(dict)
    for group, most in room.items():
        inner[group[0]][group[1:]] = most
    most_of = {first: sum(parts.values()) for first, parts in inner.items()}
    weights = {first: math.sqrt(most) if level == _SOURCE else 1.0 for first, most in most_of.items()}
    given = _fill(most_of, weights, films)
    return {
        (first, *rest): count
        for first, parts in inner.items()
        for rest, count in share_out(parts, given[first], level + 1).items()
    }


def _fill(room: dict[int | str, int], weights: dict[int | str, float], films: int) -> dict[int | str, int]:
    """`films` in parts by weight; what one has no room for goes to the others; an odd one to the smallest."""
    given: dict[int | str, int] = {}
    waiting = sorted(room, key=lambda name: (room[name] / weights[name], room[name], str(name)))  # the fullest first
    for position, name in enumerate(waiting):
        weight_left = sum(weights[other] for other in waiting[position:])
        share = math.ceil(films * weights[name] / weight_left - 1e-9)
        given[name] = min(room[name], share)
        films -= given[name]
    return given


def _in_turn(members: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    """`count` of `members` in a random order, all of them before one comes again."""
    rounds = [draw.permutation(members) for _ in range(-(-count // len(members)))]
    return np.concatenate([*rounds, members[:0]])[:count]
