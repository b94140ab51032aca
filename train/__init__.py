"""From data to trained weights and TorchScript artefacts."""
