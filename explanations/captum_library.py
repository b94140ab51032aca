"""Captum, imported on first use: it brings matplotlib and costs half a second that predictions need not wait for."""

from __future__ import annotations

from typing import Any

from model_src.errors import InternalError


def captum_attr() -> Any:
    """The module `captum.attr`.

    Raises:
        InternalError: Captum is not installed beside TorchServe.
    """
    try:
        import captum.attr
    except ImportError as error:
        raise InternalError(
            f"this method needs Captum, which the server lacks ({error}); install captum there, or ask for "
            "meaningful_perturbation or grad_cam"
        ) from error
    return captum.attr
