"""The status page: the present state of each source, as HTML."""
