"""From a data directory to batches: labels, splits, decoded images, residuals, augmentation."""
