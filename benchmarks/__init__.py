"""Measures what the design promises: a subject per file, both sides of a comparison in one run."""
