"""The commands that change sessions, and those that say what was changed."""
