"""The commands that watch, and those that print for a DBA or an editor."""
