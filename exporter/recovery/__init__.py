"""Closing orphaned sessions: the rule of a source, the plan, closing, and undoing."""
