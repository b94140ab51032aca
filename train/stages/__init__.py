"""The stages of a training: autoencoders, classifier, and what they need."""
