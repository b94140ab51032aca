"""`coronet serve`: TorchServe started, configured, watched and stopped."""
