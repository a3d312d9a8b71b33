"""The audit of recovery: its table, its runs, its counters, and what is done in it."""
