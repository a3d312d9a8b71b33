"""Reads the numbers of each source, on a schedule, and keeps the latest."""
