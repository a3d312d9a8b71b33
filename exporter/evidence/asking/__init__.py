"""Single requests to owners and stores: over HTTP, and in the database."""
