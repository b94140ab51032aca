"""From TorchScript artefacts to `coronet.mar`."""
