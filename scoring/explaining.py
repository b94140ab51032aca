"""Explanations of films of one shard, some at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from explanations import ExplainOptions
from inference.failures import is_device_lost
from inference.predictor import Predictor
from inference.results import Explanation
from model_src.errors import RequestError
from model_src.imaging.xray import Xray
from scoring.scored_film import Error, ScoredFilm, error_of, unforeseen


class ExplainedTogether:
    """Films whose explanations are made together, as many as the method likes; always the same ones of a shard."""

    def __init__(self, predictor: Predictor, options: ExplainOptions | None) -> None:
        self._predictor = predictor
        self._options = options
        self._films: list[tuple[int, Xray]] = []

    def add(self, place: int, xray: Xray, rows: list[ScoredFilm]) -> None:
        """One more film, whose row is at `place`."""
        self._films.append((place, xray))
        if self._options is not None and len(self._films) >= self._predictor.together(self._options):
            self.finish(rows)

    def finish(self, rows: list[ScoredFilm]) -> None:
        """Explain those that wait, and put the maps into their rows."""
        if self._options is None or not self._films:
            return
        found: Sequence[Explanation | Error]
        try:
            found = [
                error_of(each) if isinstance(each, RequestError) else each
                for each in self._predictor.explain([xray for _, xray in self._films], self._options)
            ]
        except Exception as error:
            if is_device_lost(error):
                raise
            found = [unforeseen(error)] * len(self._films)
        for (place, _), explanation in zip(self._films, found, strict=True):
            rows[place] = dataclasses.replace(rows[place], explanation=explanation)
        self._films = []
