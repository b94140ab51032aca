"""What runs in a worker of Ray Serve beside the archive's own code.

A model runs its own code: the packages that its archive holds. Nothing here may import ours of the same names, which
the process would then have before the archive's.
"""
