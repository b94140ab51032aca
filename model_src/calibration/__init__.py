"""What validation films say of a model's answers: when to say more than one class, or that it does not know."""
