"""The session systems: the schema of each, as its application created it."""
