"""What stands between HTTP and workers where that is not TorchServe alone: keys that are given, and Ray Serve."""
