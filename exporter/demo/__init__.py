"""The demo: an embedded PostgreSQL, the session systems, their history and simulated traffic."""
