"""Which networks a chain can be made of: the paper's, and those that a recipe may take in their place."""

from __future__ import annotations

from typing import Literal, TypeAlias

from model_src.networks.cin import CIN
from model_src.networks.efficient_cin import EfficientCIN
from model_src.networks.tfen import TFEN, FilmTFEN

AnyCIN: TypeAlias = CIN | EfficientCIN
ThirdMap = Literal["both", "film"]
Network = Literal["resnet18", "efficientnet_lite2"]

# What the TFEN's third map shows: what neither autoencoder reconstructs (equation 7), or the film.
TFENS: dict[ThirdMap, type[TFEN]] = {"both": TFEN, "film": FilmTFEN}
# The classifier's network.
CINS: dict[Network, type[CIN] | type[EfficientCIN]] = {"resnet18": CIN, "efficientnet_lite2": EfficientCIN}
