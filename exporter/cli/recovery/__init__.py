"""The commands that close sessions by hand, undo it, and pause automatic recovery."""
