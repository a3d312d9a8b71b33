"""Closing orphaned sessions: what it means for a source, the plan, the doing, and the undoing."""
