"""The JSON API: what the status page shows, for programs. docs/api.md documents every field."""
