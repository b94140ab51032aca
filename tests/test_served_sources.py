"""What runs in a worker turns no data into code: no pickles, no evaluated text, no shells, by reading the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.contents import SERVED_PACKAGES

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in SERVED_PACKAGES for path in (ROOT / package).rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "runpy"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# torch.jit.load is allowed: its archive holds pickles too, but TorchScript's own reader (C++) makes tensors and
# TorchScript classes of them and can call no Python.
CALLS = {
    *("torch.load", "torch.package.PackageImporter", "torch.hub.load", "yaml.load", "yaml.unsafe_load"),
    *("os.system", "os.popen", "importlib.import_module"),
}


def findings(source: str) -> Iterator[str]:
    """What in `source` could run what a file or a request says."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
        else:
            names = []
        yield from (f"import of {name}" for name in names if name.split(".")[0] in MODULES or name in CALLS)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS or called in BUILTINS:
                yield f"call of {called}"
            for keyword in node.keywords:
                on = not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                if keyword.arg in ("shell", "allow_pickle") and on:
                    yield f"{keyword.arg}= in the call of {called}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_data_is_run(path):
    assert list(findings(path.read_text(encoding="utf-8"))) == []


def test_the_sources_were_found():
    assert {"handlers/coronet_handler.py", "model_src/torchscript.py"} <= {str(p.relative_to(ROOT)) for p in SOURCES}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "from torch import load",
        "import torch\ntorch.load('x.pt', weights_only=True)",
        "eval('1')",
        "exec('1')",
        "import yaml\nyaml.load('a: 1', yaml.Loader)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import numpy as np\nnp.load('x.npy', allow_pickle=flag)",
        "import os\nos.system('ls')",
    ],
)
def test_what_is_looked_for_is_found(source):
    assert list(findings(source))


def test_what_looks_alike_is_not():
    assert not list(findings("import re\nre.compile('x')\nmodel.eval()\nyaml.safe_load('1')\ntorch.jit.load('x')"))
