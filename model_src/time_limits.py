"""All time limits of serving, in seconds, each computed from those it rests on. This file imports nothing.

Two chains hold everything together. Along each, whoever waits has more time than what it waits for, so that the one
nearest to the cause speaks first:

    longest explanation < an explanation worker's silence < (TorchServe ends the worker)
    longest explanation < a caller's patience for one
    a worker's start < a server's start < the life of its keys

The archive's model-config.yaml and config.properties cannot compute; tests/model_src/test_time_limits.py compares them.
"""

from __future__ import annotations

# --- What a worker may do with one request -----------------------------------------------------------------------

# The longest explanation by estimate, on a worker that only explains: `explain_seconds` in model-config.yaml.
EXPLANATION = 600
# The longest explanation by estimate on a worker that is there for predictions; what takes longer is sent on.
EXPLANATION_BESIDE_PREDICTIONS = 60
# The longest prediction: 64 images of 4 megapixels on two cores at 512 pixels.
PREDICTION = 60

# --- Silence after which TorchServe takes a worker for dead, ends it, and loses its batch -------------------------

_BUSY = 2  # a machine may be busy with other things: everything may take so many times as long
# An explanation may just have begun when the time of the one before it ends; once more for a busy machine.
EXPLAIN_RESPONSE = 3 * EXPLANATION
# The same on a worker for predictions, which has the largest prediction to do as well.
PREDICT_RESPONSE = 2 * EXPLANATION_BESIDE_PREDICTIONS + _BUSY * PREDICTION

# --- Start and stop ----------------------------------------------------------------------------------------------

# One worker's loading, most of it the import of torch from a slow disk; usual are 15.
WORKER_START = 300
# `coronet serve` waits longer than TorchServe does, so that TorchServe's reason is heard first.
SERVER_START = _BUSY * WORKER_START
# Requests in progress when the server is to stop; further ones are told to come again.
DRAIN = 30
# After that, for TorchServe and its workers to end in good order before they are killed.
STOP = 20

# A given key that was taken away stays good for so long: other machines learn of a change of a mounted secret within
# two minutes (the kubelet's period and the life of its cache, a minute each), and a caller may be waiting already.
KEY_OVERLAP = 300

# --- What callers wait for ---------------------------------------------------------------------------------------

CONNECT = 5
# One prediction, queueing included: the server's word about a worker that hung comes before the caller gives up.
PREDICT_PATIENCE = PREDICT_RESPONSE + 60
# One explanation: the longest, and half of that for the queue and the scores.
EXPLAIN_PATIENCE = EXPLANATION + EXPLANATION // 2
# `coronet ready`: one small prediction and one small explanation, behind what is in progress on a prediction worker.
READY_PATIENCE = EXPLANATION_BESIDE_PREDICTIONS
# Waits before the tries that follow a 503 or the loss of a server that has answered before: in all longer than a
# server takes to let go of its requests and than a worker takes to be replaced.
RETRY_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
