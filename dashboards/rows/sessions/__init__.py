"""Panels about sessions: counts, ages, days and declared labels."""
