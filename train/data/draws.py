"""Random numbers that depend on what they are for alone: seed, film and variant; not on what was drawn before.

A generator for each film of a batch would take longer than the batch's alterations. A hash of (seed, film, variant,
purpose, number) is as random, and all films of a batch are hashed at once, on the device where they lie.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_STEP = -7046029254386353131  # 2^64 / golden ratio, odd, as a signed number
_MIX_1, _MIX_2 = -4658895280553007687, -7723592293110705685  # SplitMix64's multipliers (Steele et al., 2014)


class Draws:
    """A stream of numbers for each of n films; the same films, seed and purpose give the same streams."""

    def __init__(self, films: Tensor, variants: Tensor, seed: int, purpose: int) -> None:
        """Streams of the given films.

        Args:
            films, variants: int64 (n,), on the device that the numbers are wanted on.
            seed: a training's.
            purpose: a small number; streams of different purposes have nothing in common.
        """
        key = torch.full_like(films, seed)
        for part in (films, variants, torch.full_like(films, purpose)):
            key = _mixed(key * _STEP + part)
        self._keys = key
        self._used = 0

    def uniform(self, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = ()) -> Tensor:
        """Float32 (n, *shape) in [low, high)."""
        count = math.prod(shape)
        numbers = torch.arange(self._used, self._used + count, device=self._keys.device)
        self._used += count
        bits = _mixed(self._keys[:, None] + (numbers + 1) * _STEP)
        unit = ((bits >> 40) & 0xFFFFFF).float() / 0x1000000
        return (low + (high - low) * unit).view(-1, *shape)

    def chance(self, share: float, shape: tuple[int, ...] = ()) -> Tensor:
        """True for that share of the draws: bool (n, *shape)."""
        return self.uniform(shape=shape) < share

    def whole(self, low: int, high: int, shape: tuple[int, ...] = ()) -> Tensor:
        """Whole numbers from low to high - 1: int64 (n, *shape)."""
        return (self.uniform(low, high, shape).floor()).long().clamp(low, max(low, high - 1))

    def normal(self, shape: tuple[int, ...] = ()) -> Tensor:
        """Normally distributed float32 (n, *shape), of mean 0 and deviation 1 (Box and Muller)."""
        radius = (-2 * (1 - self.uniform(shape=shape)).log()).sqrt()
        return radius * (2 * math.pi * self.uniform(shape=shape)).cos()

    def of(self, rows: Tensor) -> Draws:
        """The streams of some of the films, from here on."""
        part = object.__new__(Draws)
        part._keys, part._used = self._keys[rows], self._used
        return part


def _mixed(bits: Tensor) -> Tensor:
    """SplitMix64's finaliser of int64 numbers, which wrap around."""
    bits = (bits ^ _shifted(bits, 30)) * _MIX_1
    bits = (bits ^ _shifted(bits, 27)) * _MIX_2
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Right by `by` places, zeros coming in, as for unsigned numbers."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
