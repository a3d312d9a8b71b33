"""Reads the config again while the daemon runs, and keeps the state that is still valid."""
