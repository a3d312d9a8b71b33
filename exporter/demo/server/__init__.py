"""A throw-away PostgreSQL: its programs, its data directory, its process and its databases."""
