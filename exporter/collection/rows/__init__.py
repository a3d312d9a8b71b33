"""The rows behind the counts: read by commands, and kept for the status page and the API."""
