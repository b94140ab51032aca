"""The names that a server and its callers agree on: of models, and of what one may send beside an image."""

PREDICT_MODEL = "coronet"
EXPLAIN_MODEL = "coronet-explain"  # the same archive, registered a second time

# An explanation may carry a name of its caller's choice in this header: 32 hexadecimal digits. A prediction request
# {"abandon": "<name>"} then says that nobody waits for it any more.
REQUEST_HEADER = "X-CoroNet-Request"
ABANDON_FIELD = "abandon"
