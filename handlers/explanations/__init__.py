"""Explanations of the whole chain, X-ray to probability: methods, options, scores.

    options = parse_options({"method": "grad_cam"})
    answers = explain_batch(coronet, x, targets, options)

A method is one file here and one row in registry.py.
"""

from handlers.explanations.explain import Attribution, explain_batch
from handlers.explanations.registry import DEFAULT_METHOD, METHODS
from handlers.explanations.request import ExplainOptions, describe_methods, parse_options

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "Attribution",
    "ExplainOptions",
    "describe_methods",
    "explain_batch",
    "parse_options",
]
