"""What runs the network for predictions: an engine, chosen when a worker loads its model (choose.py).

An engine is one file here and one row in registry.py. Explanations need gradients, which engines do not have: they run
the TorchScript artefacts themselves.
"""
