"""What the images of one request cost together, before any of them is decoded."""

from __future__ import annotations

from collections.abc import Sequence

from model_src.errors import ImageTooLarge
from model_src.imaging.decoding import MAX_PIXELS
from model_src.imaging.formats import declared_pixels


def check_total(images: Sequence[bytes], max_pixels: int) -> None:
    """Refuse a request whose image files declare more than `max_pixels` pixels in all.

    Each alone is judged by its decoder, which refuses more than 64 megapixels.

    Raises:
        ImageTooLarge: found and needed in megapixels.
    """
    if len(images) * MAX_PIXELS <= max_pixels:
        return
    total = sum(declared_pixels(image) for image in images)
    if total > max_pixels:
        raise ImageTooLarge(
            f"instances: found {total / 1e6:.1f} megapixels in {len(images)} images, need at most "
            f"{max_pixels / 1e6:.1f} in one request; send several"
        )
