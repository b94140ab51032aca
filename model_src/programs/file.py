"""A `.pt2` file's content: graph and weights. A zip archive whose pickles are never opened."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model_src.programs.graph import Graph, read_graph

MODEL = "model"  # torch.export's name for the one program in a file
PARTS_NAME = "parts.json"  # ours, among its extra files: names of values on the way
_DTYPES = {5: torch.int64, 7: torch.float32}  # torch.export's numbers for them


@dataclass(frozen=True)
class Program:
    """What a file holds."""

    graph: Graph
    weights: dict[str, Tensor]  # by parameter's or buffer's name, on the CPU, all values their own
    parameters: frozenset[str]  # those of them that are parameters, the rest being buffers
    parts: dict[str, list[str]]  # method -> names of the values that it gives


def read_program(content: bytes) -> Program:
    """The program in a file's bytes.

    Raises:
        ValueError: they are no such file, or hold what is not taken; says which.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return _read(packed)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"not a whole zip archive ({error})") from None


def _read(packed: zipfile.ZipFile) -> Program:
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in packed.infolist():
        name = entry.filename.partition("/")[2]  # torch puts all into one folder
        if entry.compress_type != zipfile.ZIP_STORED or name in entries:
            raise ValueError(f"{name}: is compressed or there twice")
        entries[name] = entry

    def read(name: str) -> bytes:
        if name not in entries:
            raise ValueError(f"holds no {name}")
        return packed.read(entries[name])

    if read("byteorder") != b"little":
        raise ValueError("its weights are not in little-endian order")
    graph = read_graph(_json(read(f"models/{MODEL}.json")))
    try:
        config = _json(read(f"data/weights/{MODEL}_weights_config.json"))["config"]
        weights = {str(name): _tensor(facts, read) for name, facts in config.items()}
        parameters = frozenset(name for name in weights if config[name]["is_param"] is True)
        parts = _json(read(f"extra/{PARTS_NAME}"))
        if not all(graph.names.issuperset(names) for names in parts.values()):
            raise ValueError(f"{PARTS_NAME} names what the graph does not have")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not as 'coronet export' writes it ({type(error).__name__}: {error})") from None
    if missing := set(graph.weights.values()) - weights.keys():
        raise ValueError(f"holds no weights {sorted(missing)[0]}")
    return Program(graph, weights, parameters, parts)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"holds damaged JSON ({error})") from None


def _tensor(facts: Any, read: Any) -> Tensor:
    """One tensor from its entry of raw bytes."""
    meta = facts["tensor_meta"]
    if facts["use_pickle"] is not False or meta is None or meta["dtype"] not in _DTYPES:
        raise ValueError("its weights are not plain float32 and int64")
    shape = [size["as_int"] for size in meta["sizes"]]
    strides = [stride["as_int"] for stride in meta["strides"]]
    dtype = _DTYPES[meta["dtype"]]
    content = bytearray(read(f"data/weights/{facts['path_name']}"))  # writable, as torch wants it
    if len(content) != math.prod(shape) * dtype.itemsize or meta["storage_offset"]["as_int"] != 0:
        raise ValueError(f"{facts['path_name']}: has {len(content)} bytes, which is not its shape {shape}")
    flat = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
    return flat.view(shape) if strides == _contiguous(shape) else flat.as_strided(shape, strides).contiguous()


def _contiguous(shape: list[int]) -> list[int]:
    return [math.prod(shape[index + 1 :]) for index in range(len(shape))]
