"""The networks as torch.export programs (`.pt2`): written by torch.export, read here without it.

`torch.export.load` unpickles what lies in such a file, and evaluates its size expressions as Python. So a worker does
not call it. A program is a list of calls of ATen operators in JSON, and weights as plain bytes: both are read as data,
and only operators of a fixed list are called (operators.py).
"""
