"""Which condition makes a session active."""
