"""DICOM: header, pixel data, and the gray-scale pipeline."""
