"""The audit of recovery: its tables, runs, counters, maintenance, pauses and stops."""
