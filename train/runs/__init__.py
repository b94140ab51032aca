"""Run folders: train into them, read them, export, import and publish them."""
