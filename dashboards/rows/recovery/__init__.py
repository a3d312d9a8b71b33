"""Panels about recovery: what it closes, what stops it, what waits, and what was wrong."""
