"""`init`: reads a database and proposes a config of its session tables."""
