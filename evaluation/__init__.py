"""What a model gets right on unseen data, how sure that is, and what it may owe to the data's source."""
