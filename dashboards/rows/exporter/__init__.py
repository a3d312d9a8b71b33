"""Panels about the exporter: collections, databases, replicas and processes."""
