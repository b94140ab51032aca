"""The names under which TorchServe serves the archive."""

PREDICT_MODEL = "coronet"
EXPLAIN_MODEL = "coronet-explain"  # the same archive, registered a second time
