"""A program's graph: calls of operators in order, read from JSON, run on tensors. The JSON is data throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from model_src.programs.operators import OPERATORS

SCHEMA_MAJOR = 8  # of torch.export's JSON; another one may mean other things by the same names
_PLAIN = {"as_int": int, "as_float": float, "as_bool": bool}
_LISTS = {"as_ints": int, "as_floats": float}


@dataclass(frozen=True)
class Name:
    """A value that an earlier step, the input or the weights give."""

    name: str


@dataclass(frozen=True)
class Step:
    """One call of an operator, which gives one tensor."""

    operator: str  # a key of OPERATORS
    arguments: tuple[Any, ...]  # numbers, None, Name, or lists of those
    options: dict[str, Any]  # by keyword
    output: str

    @property
    def needs(self) -> set[str]:
        """The values that it takes."""
        given = [*self.arguments, *self.options.values()]
        flat = [each for value in given for each in (value if isinstance(value, list) else [value])]
        return {each.name for each in flat if isinstance(each, Name)}


@dataclass(frozen=True)
class Graph:
    """What a program computes. Read it with `read_graph`, which checks it."""

    steps: tuple[Step, ...]
    weights: dict[str, str]  # a value's name -> the parameter or buffer that it is
    input: str
    output: str

    @cached_property
    def names(self) -> set[str]:
        """All values."""
        return {self.input, *self.weights, *(step.output for step in self.steps)}

    def path(self, given: Iterable[str], wanted: Sequence[str]) -> Path:
        """The steps that lead from `given` values and the weights to the `wanted` ones.

        Raises:
            ValueError: they do not.
        """
        known = {*given, *self.weights}
        missing = set(wanted) - known
        chosen: list[Step] = []
        for step in reversed(self.steps):
            if step.output in missing:
                missing.remove(step.output)
                missing |= step.needs - known
                chosen.append(step)
        if missing:
            raise ValueError(f"{sorted(missing)[0]} does not follow from what is given")
        return Path(tuple(reversed(chosen)), tuple(wanted))


class Path:
    """Steps that are run together; a value is let go after the last step that takes it."""

    def __init__(self, steps: tuple[Step, ...], wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        last: dict[str, int] = {name: index for index, step in enumerate(steps) for name in step.needs}
        self._steps = [
            (step, OPERATORS[step.operator], [n for n in step.needs if last[n] == index and n not in wanted])
            for index, step in enumerate(steps)
        ]

    def run(self, values: Mapping[str, Tensor]) -> list[Tensor]:
        """The wanted values, in order; `values` holds the given ones and the weights."""
        known = dict(values)

        def value(argument: Any) -> Any:
            if isinstance(argument, Name):
                return known[argument.name]
            return [value(each) for each in argument] if isinstance(argument, list) else argument

        for step, operator, done in self._steps:
            arguments = [value(each) for each in step.arguments]
            known[step.output] = operator(*arguments, **{name: value(each) for name, each in step.options.items()})
            for name in done:
                del known[name]
        return [known[name] for name in self._wanted]


def read_graph(facts: Any) -> Graph:
    """The graph in a program's JSON: one input, one output, operators of the list alone.

    Raises:
        ValueError: it is another version's, calls something else, or is no such graph; says which.
    """
    try:
        major = facts["schema_version"]["major"]
        if major != SCHEMA_MAJOR:
            raise ValueError(f"found version {major!r} of torch.export's format, need {SCHEMA_MAJOR}")
        module = facts["graph_module"]
        steps = tuple(_step(node) for node in module["graph"]["nodes"])
        weights, inputs = {}, []
        for spec in module["signature"]["input_specs"]:
            ((kind, content),) = spec.items()
            if kind in ("parameter", "buffer"):
                weights[_text(content["arg"]["name"])] = _text(content[f"{kind}_name"])
            elif kind == "user_input":
                inputs.append(_text(content["arg"]["as_tensor"]["name"]))
            else:
                raise ValueError(f"found an input of kind {kind!r}, need weights and one tensor")
        outputs = [
            _text(spec["user_output"]["arg"]["as_tensor"]["name"]) for spec in module["signature"]["output_specs"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not as torch.export writes it ({type(error).__name__}: {error})") from None
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"found {len(inputs)} inputs and {len(outputs)} outputs, need one of each")
    graph = Graph(steps, weights, inputs[0], outputs[0])
    _check_order(graph)
    return graph


def _check_order(graph: Graph) -> None:
    known = {graph.input, *graph.weights}
    for step in graph.steps:
        if unknown := step.needs - known:
            raise ValueError(f"{sorted(unknown)[0]} is used before it is there")
        if step.output in known:
            raise ValueError(f"{step.output} is there twice")
        known.add(step.output)
    if graph.output not in known:
        raise ValueError(f"its output {graph.output} is never computed")


def _step(node: Any) -> Step:
    operator = node["target"]
    if operator not in OPERATORS:
        raise ValueError(f"it calls {str(operator)[:80]!r}, which is not on the list of operators")
    arguments, options = [], {}
    for given in node["inputs"]:
        value = _argument(given["arg"])
        if given["kind"] == 1:  # by position
            arguments.append(value)
        else:
            options[_text(given["name"])] = value
    (output,) = node["outputs"]
    return Step(operator, tuple(arguments), options, _text(output["as_tensor"]["name"]))


def _argument(argument: Any) -> Any:
    ((kind, value),) = argument.items()
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Name(_text(value["name"]))
    if kind == "as_tensors":
        return [Name(_text(each["name"])) for each in value]
    if kind in _PLAIN and type(value) is _PLAIN[kind]:
        return value
    if kind in _LISTS and all(type(each) is _LISTS[kind] for each in value):
        return list(value)
    raise ValueError(f"found an argument of kind {kind!r}, need tensors and numbers")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"found {type(value).__name__} for a name")
    return value
