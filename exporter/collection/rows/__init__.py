"""The rows behind the counts: read by commands, and kept of the last collections for people."""
