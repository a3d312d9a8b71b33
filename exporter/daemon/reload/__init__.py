"""Reads the config again while the daemon runs, and hands over what still holds."""
