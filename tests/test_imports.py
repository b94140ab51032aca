"""Who may import whom, read from the sources: arrows go down only, files form no circle, the client stays light."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# package -> the other packages of ours that its files may import, be it inside a function or for types alone
MAY_IMPORT: dict[str, set[str]] = {
    "model_src": set(),
    "explanations": {"model_src"},
    "inference": {"explanations", "model_src"},
    "outputs": {"inference", "explanations", "model_src"},
    "handlers": {"outputs", "inference", "explanations", "model_src"},
    "train": {"model_src"},
    "phantoms": {"model_src"},
    "evaluation": {"train", "phantoms", "outputs", "inference", "explanations", "model_src"},
    "archive": {"handlers", "outputs", "inference", "explanations", "model_src"},
    "client": {"model_src"},
    "fronts": {"client", "handlers", "model_src"},
    "launcher": {"fronts", "client", "handlers", "model_src"},
    "web": {"client", "model_src"},
    "pacs": {"client", "model_src"},
    "scoring": {"pacs", "inference", "explanations", "model_src"},
}
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["coronet_serve"] = {"cli"}

# These may import everything and are imported by no package.
ABOVE = ("tests", "benchmarks", "docs")

# What brings torch along.
TORCH = {"torch", "torchvision", "captum", "ts", "efficientnet_lite_pytorch"}


@dataclass(frozen=True)
class Import:
    """One import: where it stands, the module it names, and whether it runs when the file is imported."""

    file: str  # relative to the root
    line: int
    module: str  # dotted; a module of ours where the name is one
    at_import: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {module_name(self.file)} -> {self.module}"

    @property
    def source(self) -> str:
        """The package that imports."""
        return self.file.split("/")[0]

    @property
    def target(self) -> str:
        """The package that is imported."""
        return self.module.split(".")[0]


def module_name(file: str) -> str:
    """`explanations/methods/saliency.py` -> `explanations.methods.saliency`; a package by its own name."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(file: str, source: str, ours: Iterable[str]) -> Iterator[Import]:
    """Every import in a source, `from package import module` resolved to the module.

    Args:
        file: the source's path, relative to the root.
        source: its text.
        ours: the names of all our modules.
    """
    ours = set(ours)
    package = module_name(file).split(".")
    if not file.endswith("__init__.py"):
        package = package[:-1]

    def visit(node: ast.AST, at_import: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(file, node.lineno, inner if inner in ours else base, at_import)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (each for child in node.body for each in visit(child, False))
            yield from (each for child in node.orelse for each in visit(child, at_import))
        else:
            runs = at_import and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from visit(child, runs)

    yield from visit(ast.parse(source), True)


def forbidden(imports: Iterable[Import], table: Mapping[str, set[str]], private: Iterable[str] = ()) -> list[str]:
    """The imports that no row allows, as text; `private` are folders that no package may import."""
    found = (
        str(each)
        for each in imports
        if (each.target in table or each.target in private)
        and each.target != each.source
        and each.target not in table[each.source]
    )
    return list(dict.fromkeys(found))  # one line may name several things of one module


def circle(imports: Iterable[Import]) -> list[str]:
    """The files of one circle of imports that run at import, first file again at the end; [] where there is none."""
    arrows: dict[str, set[str]] = {}
    for each in imports:
        if each.at_import:
            arrows.setdefault(module_name(each.file), set()).add(each.module)
    done: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for following in sorted(arrows.get(module, ())):
            if found := search(following, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(arrows) if (found := search(module, []))), [])


def way_to(start: str, goals: set[str], imports: Iterable[Import]) -> list[str]:
    """The imports by which importing module `start` imports a package in `goals`, as text; [] when it does not.

    Importing `a.b.c` imports `a` and `a.b` as well.
    """
    of_module: dict[str, list[Import]] = {}
    for each in imports:
        if each.at_import:
            of_module.setdefault(module_name(each.file), []).append(each)

    def with_parents(module: str) -> list[str]:
        words = module.split(".")
        return [".".join(words[:count]) for count in range(1, len(words) + 1)]

    ways: dict[str, list[str]] = {module: [] for module in with_parents(start)}
    queue = list(ways)
    for module in queue:
        for each in of_module.get(module, ()):
            way = [*ways[module], str(each)]
            if each.target in goals:
                return way
            for reached in with_parents(each.module):
                if reached not in ways:
                    ways[reached] = way
                    queue.append(reached)
    return []


def sources() -> dict[str, str]:
    """File -> text of every Python file in a package of the table."""
    paths = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def all_imports(texts: Mapping[str, str]) -> list[Import]:
    ours = {module_name(file) for file in texts}
    return [each for file, text in texts.items() for each in imports_of(file, text, ours)]


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return all_imports(sources())


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_what_its_row_allows(package: str, imports: list[Import]) -> None:
    own = [each for each in imports if each.source == package]
    found = forbidden(own, MAY_IMPORT, private=ABOVE)
    assert found == [], "\n".join(["imports that the table does not allow:", *found])


def test_every_package_has_a_row() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - set(ABOVE) == set(MAY_IMPORT)


def test_the_table_itself_has_no_circle() -> None:
    remaining = dict(MAY_IMPORT)
    while lowest := [package for package, below in remaining.items() if not below & remaining.keys()]:
        for package in lowest:
            del remaining[package]
    assert remaining == {}


def test_no_circle_of_files(imports: list[Import]) -> None:
    found = circle(imports)
    assert found == [], " -> ".join(found)


@pytest.mark.parametrize("package", ["client", "web"])
def test_what_only_asks_a_server_comes_without_torch(package: str, imports: list[Import]) -> None:
    modules = [module_name(file) for file in sources() if file.startswith(f"{package}/")]
    assert modules
    for module in modules:
        way = way_to(module, TORCH, imports)
        assert way == [], "\n".join([f"importing {module} imports torch:", *way])


def test_commands_are_listed_without_torch(imports: list[Import]) -> None:
    # `coronet --help` and `coronet predict` import every command's module
    way = way_to("cli.main", TORCH, imports)
    assert way == [], "\n".join(["importing cli.main imports torch:", *way])


EXAMPLE = {
    "low/__init__.py": "",
    "low/numbers.py": "import torch\n",
    "high/__init__.py": "from __future__ import annotations\n",
    "high/uses.py": "import os\nfrom low import numbers\n",
    "high/later.py": "def run():\n    import low.numbers\n",
    "high/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from low.numbers import N\n",
    "high/near.py": "from .uses import run\n",
}


def test_each_way_to_import_is_found() -> None:
    found = [str(each) for each in all_imports(EXAMPLE) if each.target == "low"]
    assert found == [
        "high/uses.py:2: high.uses -> low.numbers",
        "high/later.py:2: high.later -> low.numbers",
        "high/typed.py:3: high.typed -> low.numbers",
    ]
    assert forbidden(all_imports(EXAMPLE), {"low": set(), "high": set()}) == found
    assert forbidden(all_imports(EXAMPLE), {"low": set(), "high": {"low"}}) == []


def test_torch_is_found_behind_other_files_where_it_is_imported_at_once() -> None:
    imports = all_imports(EXAMPLE)
    assert way_to("high.near", TORCH, imports) == [
        "high/near.py:1: high.near -> high.uses",
        "high/uses.py:2: high.uses -> low.numbers",
        "low/numbers.py:1: low.numbers -> torch",
    ]
    assert way_to("high.later", TORCH, imports) == []
    assert way_to("high.typed", TORCH, imports) == []


def test_torch_is_found_in_a_package_above() -> None:
    files = {"a/__init__.py": "import torch", "a/b.py": "", "c.py": "import a.b"}
    assert way_to("c", TORCH, all_imports(files))[-1] == "a/__init__.py:1: a -> torch"


def test_a_circle_is_found() -> None:
    files = {"a.py": "import b", "b.py": "from c import x", "c.py": "import d\nimport b", "d.py": ""}
    assert circle(all_imports(files)) == ["b", "c", "b"]
    assert circle(all_imports({**files, "c.py": "import d\ndef f():\n    import b"})) == []
