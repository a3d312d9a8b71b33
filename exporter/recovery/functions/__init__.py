"""Functions in the database that recover one source, for a role without other rights."""
