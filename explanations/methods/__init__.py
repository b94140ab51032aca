"""The explanation methods, one file each; `explanations.registry` has a row for each."""
