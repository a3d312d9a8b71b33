"""Closing sessions in batches, by statements or by the function that `sql function` prints."""
