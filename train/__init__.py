"""From data to trained weights, TorchScript artefacts and an evaluation report."""
