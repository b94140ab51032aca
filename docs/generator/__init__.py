"""`python -m docs.generator` writes the reference pages that follow from the code; a test fails when they are stale."""
