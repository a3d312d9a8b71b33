"""The JSON API: the contents of the status page for programs, documented in docs/api.md."""
