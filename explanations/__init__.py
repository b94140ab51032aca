"""Explanations of the whole chain, X-ray to probability: methods, options, scores.

    options = parse_options({"method": "grad_cam"})
    answers = explain_batch(coronet, x, targets, options)

A method is one file here and one row in registry.py.
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
