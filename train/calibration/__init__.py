"""Validation films and a trained network -> calibration.json."""
