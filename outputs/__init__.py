"""What predictions and explanations look like outside: JSON and pictures."""
