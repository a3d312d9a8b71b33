"""What `check --live` proves of a database and of each source in it."""
