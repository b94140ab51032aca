"""Figures as readers see them: percent with one digit, shares with three, changes with their sign."""

from __future__ import annotations

from typing import Literal

from evaluation.intervals import Estimate

Unit = Literal["percent", "share"]


def number(estimate: Estimate, unit: Unit) -> str:
    """The value: "93.5%" or "0.935"."""
    return "not defined" if estimate.value is None else _figure(estimate.value, unit)


def interval(estimate: Estimate, unit: Unit) -> str:
    """The ends of the interval: "92.3 to 94.5%"; "" where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_figure(estimate.low, unit).rstrip('%')} to {_figure(estimate.high, unit)}"


def change(estimate: Estimate, unit: Unit) -> str:
    """A difference with its interval, in points or as a share: "-3.1 (-5.0 to -1.2)"."""
    scale, digits = (100, 1) if unit == "percent" else (1, 3)
    ends = [value for value in (estimate.value, estimate.low, estimate.high) if value is not None]
    shown = [f"{value * scale:+.{digits}f}" for value in ends]
    if not shown:
        return "not defined"
    return shown[0] if len(shown) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def movement(estimate: Estimate, unit: Unit) -> str:
    """A change against the unaltered images in words that nobody takes for praise, on two lines at most."""
    if estimate.value is None:
        return ""
    scale, digits, name = (100, 1, " points") if unit == "percent" else (1, 3, "")
    size = f"{abs(estimate.value) * scale:.{digits}f}"
    if float(size) == 0:
        return "as before"
    moved = f"{'lower' if estimate.value < 0 else 'higher'} by {size}{name}"
    if estimate.low is None or estimate.high is None:
        return moved
    if estimate.low <= 0 <= estimate.high:
        return f"{moved},\nwithin chance"
    ends = sorted(abs(end) * scale for end in (estimate.low, estimate.high))
    return f"{moved}\n({ends[0]:.{digits}f} to {ends[1]:.{digits}f})"


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if not text or text.endswith('.') else '.'}"


def _figure(value: float, unit: Unit) -> str:
    return f"{value * 100:.1f}%" if unit == "percent" else f"{value:.3f}"
