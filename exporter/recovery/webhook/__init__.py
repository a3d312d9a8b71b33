"""Notifies an HTTP endpoint of each recovered session, at least once."""
