"""The documents, and in `docs.generator` the program that writes those of them that follow from the code."""
