"""From artefacts to `coronet.mar`."""
