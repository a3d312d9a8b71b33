"""Asks owners and stores once: over HTTP, and in the database."""
