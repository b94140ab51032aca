"""Programs: they compute what the networks do, torch.export opens them too, and hostile ones are data throughout."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from model_src.errors import ArtefactError
from model_src.networks.coronet import CoroNet
from model_src.networks.eager_copy import eager_copy
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import CINS, TFENS, Network, ThirdMap
from model_src.programs.export import program_bytes
from model_src.programs.graph import read_graph
from model_src.programs.network import CINProgram, TFENProgram, load
from model_src.weight_files import open_programs, weight_files

ROOT = Path(__file__).parents[3]
GRAPH = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"


@pytest.fixture(scope="module")
def tfen_file(artefact_dir: Path) -> bytes:
    return (artefact_dir / "tfen.pt2").read_bytes()


@pytest.fixture(scope="module")
def cin_file(artefact_dir: Path) -> bytes:
    return (artefact_dir / "cin.pt2").read_bytes()


@pytest.fixture(scope="module")
def opened(tfen_file: bytes, cin_file: bytes) -> CoroNet:
    return CoroNet(load(TFENProgram, "tfen.pt2", tfen_file), load(CINProgram, "cin.pt2", cin_file))


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (3, 1, 40, 64)])
def test_any_batch_and_size_is_answered_as_by_the_network(
    opened: CoroNet, random_chain: CoroNet, shape: tuple[int, ...]
) -> None:
    x = torch.rand(shape)
    residuals = random_chain.tfen(x)
    torch.testing.assert_close(opened.tfen(x), residuals)
    torch.testing.assert_close(opened.tfen.reconstruct(x), random_chain.tfen.reconstruct(x))
    torch.testing.assert_close(opened.cin(residuals), random_chain.cin(residuals))
    features = opened.cin.features(residuals)
    torch.testing.assert_close(features, random_chain.cin.features(residuals))
    torch.testing.assert_close(opened.cin.classify(features), random_chain.cin(residuals))
    torch.testing.assert_close(opened.classify(x).summary, random_chain.classify(x).summary)


@pytest.mark.parametrize("cin", CINS)
@pytest.mark.parametrize("tfen", TFENS)
def test_every_kind_of_network_is_exported_whole(tfen: ThirdMap, cin: Network) -> None:
    torch.manual_seed(0)
    chain = CoroNet(TFENS[tfen](FPAE(), FPAE()), CINS[cin]()).eval()
    opened = open_programs(weight_files(chain), Path())
    for shape in ((1, 1, 32, 32), (2, 1, 24, 40)):
        x = torch.rand(shape)
        torch.testing.assert_close(opened(x), chain(x))
        torch.testing.assert_close(opened.classify(x), chain.classify(x))
    copy = eager_copy(opened)
    assert copy is not None
    assert (type(copy.tfen), type(copy.cin)) == (TFENS[tfen], CINS[cin])


def test_gradients_are_the_networks(opened: CoroNet, random_chain: CoroNet) -> None:
    x = torch.rand(1, 1, 32, 32)
    found, wanted = (torch.autograd.functional.jacobian(chain, x) for chain in (opened, random_chain))
    torch.testing.assert_close(found, wanted)


def test_weights_have_the_networks_names(opened: CoroNet, random_chain: CoroNet) -> None:
    assert opened.state_dict().keys() == random_chain.state_dict().keys()
    assert [name for name, _ in opened.named_parameters()] == [name for name, _ in random_chain.named_parameters()]
    assert not any(parameter.requires_grad for parameter in opened.parameters())
    assert not opened.cin.training


def test_an_answer_follows_its_weights(cin_file: bytes) -> None:
    cin = load(CINProgram, "cin.pt2", cin_file)
    cin.get_parameter("fc.weight").data.zero_()
    cin.get_parameter("fc.bias").data.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert cin(torch.rand(1, 3, 32, 32)).tolist() == [[1.0, 2.0, 3.0]]


def test_torch_export_opens_the_same_files(tfen_file: bytes, random_chain: CoroNet) -> None:
    x = torch.rand(2, 1, 24, 24)
    torch.testing.assert_close(torch.export.load(io.BytesIO(tfen_file)).module()(x), random_chain.tfen(x))


def test_no_path_of_the_machine_is_in_a_file(tfen_file: bytes, cin_file: bytes) -> None:
    assert str(ROOT).encode() not in tfen_file + cin_file


def test_a_worker_needs_no_torch_export(artefact_dir: Path) -> None:
    code = (
        "import sys; from model_src.artefacts import load_artefacts; load_artefacts(sys.argv[1]);"
        "print('torch.export._trace' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(artefact_dir)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_part_that_is_not_on_the_way_is_refused() -> None:
    class Aside(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.abs()

        def aside(self, x: torch.Tensor) -> torch.Tensor:
            return x.sigmoid()

    with pytest.raises(ValueError, match="aside is not the beginning of what Aside computes"):
        program_bytes(Aside(), 1, ["aside"])


Change = Callable[[dict[str, Any]], None]


def changed(file: bytes, name: str, change: Change) -> bytes:
    """The file with one of its JSON entries changed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith(name):
                facts = json.loads(content)
                change(facts)
                content = json.dumps(facts).encode()
            new.writestr(entry.filename, content)
    return stream.getvalue()


def nodes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return facts["graph_module"]["graph"]["nodes"]


def _calls(operator: str) -> Change:
    return lambda facts: nodes(facts)[0].update(target=operator)


def _first_weight(**values: Any) -> Change:
    return lambda facts: next(iter(facts["config"].values())).update(values)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (GRAPH, _calls("torch.ops.aten.from_file.default"), "it calls 'torch.ops.aten.from_file.default', which is no"),
        (GRAPH, _calls("torch.load"), "it calls 'torch.load', which is not on the list"),
        (GRAPH, _calls("_operator.add"), "it calls '_operator.add'"),
        (GRAPH, lambda facts: facts["schema_version"].update(major=9), "found version 9 of torch.export's format"),
        (GRAPH, lambda facts: nodes(facts).reverse(), "is used before it is there"),
        (GRAPH, lambda facts: nodes(facts).append(nodes(facts)[-1]), "abs_1 is there twice"),
        (GRAPH, lambda facts: nodes(facts).pop(), "its output abs_1 is never computed"),
        (GRAPH, lambda facts: nodes(facts)[0].pop("inputs"), "not as torch.export writes it .KeyError"),
        (GRAPH, lambda facts: nodes(facts)[0]["inputs"][0].update(arg={"as_string": "x"}), "argument of kind 'as_str"),
        (GRAPH, lambda facts: nodes(facts)[0]["inputs"][0].update(arg={"as_int": "1"}), "argument of kind 'as_int'"),
        (WEIGHTS, _first_weight(use_pickle=True), "its weights are not plain float32"),
        (WEIGHTS, _first_weight(path_name="weight_7"), "weight_7: has 64 bytes, which is not its shape"),
        (WEIGHTS, _first_weight(path_name="../../secret"), "holds no data/weights/../../secret"),
        (WEIGHTS, lambda facts: facts["config"].pop("healthy.bn0.weight"), "holds no weights healthy.bn0.weight"),
        ("extra/parts.json", lambda facts: facts.update(reconstruct=["x", "none"]), "names what the graph does not"),
        ("extra/parts.json", lambda facts: facts.pop("reconstruct"), "names 0 values for reconstruct, need 2"),
    ],
)
def test_what_a_file_may_not_hold_is_refused(tfen_file: bytes, name: str, change: Change, message: str) -> None:
    with pytest.raises(ArtefactError, match=rf"^tfen\.pt2: not a program .*{message}.*; export it again"):
        load(TFENProgram, "tfen.pt2", changed(tfen_file, name, change))


def test_a_size_that_is_python_is_never_evaluated(tfen_file: bytes, tmp_path: Path) -> None:
    # torch.export.load would hand it to sympy, which evaluates text
    evil = f"open({str(tmp_path / 'taken')!r}, 'w')"

    def spoil(facts: dict[str, Any]) -> None:
        facts["range_constraints"] = {evil: {"min_val": 1, "max_val": 2}}
        for value in facts["graph_module"]["graph"]["tensor_values"].values():
            value["sizes"] = [{"as_expr": {"expr_str": evil, "hint": None}}]

    network = load(TFENProgram, "tfen.pt2", changed(tfen_file, GRAPH, spoil))
    assert network(torch.rand(1, 1, 16, 16)).shape == (1, 3, 16, 16)
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("cut", [0, 10, 1000, -100])
def test_a_file_cut_short_is_refused(tfen_file: bytes, cut: int) -> None:
    with pytest.raises(ArtefactError, match="not a whole zip archive"):
        load(TFENProgram, "tfen.pt2", tfen_file[:cut])


@pytest.mark.parametrize("facts", [None, [], {}, {"schema_version": 8}, {"schema_version": {"major": 8}}])
def test_json_of_something_else_is_refused(facts: Any) -> None:
    with pytest.raises(ValueError, match=r"not as torch\.export writes it"):
        read_graph(facts)
