"""The status page: what each source is like now, as HTML."""
