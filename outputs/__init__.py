"""What predictions and explanations look like outside: a file for each rendering; `registry` has a row for each."""
