"""`coronet score`: an archive of films to Parquet parts, each film once, whatever is killed on the way."""
