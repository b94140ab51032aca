"""Why a CoroNet predicts what it predicts, from X-ray to probability: methods, options, scores.

    options = parse_options({"method": "grad_cam"})
    attributions = explain_batch(network, x, targets, options)

A method is one file in `methods/` and one row in registry.py.
"""

from explanations.explain import Attribution, explain_batch
from explanations.options import ExplainOptions, describe_methods, parse_options
from explanations.registry import DEFAULT_METHOD, METHODS

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "Attribution",
    "ExplainOptions",
    "describe_methods",
    "explain_batch",
    "parse_options",
]
