"""MODEL_CARD.md, made from a published run's metrics.json, run.json and history.csv: one template a section."""
