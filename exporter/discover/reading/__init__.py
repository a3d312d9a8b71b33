"""Reads what a database tells of its tables; read-only, each statement bounded."""
