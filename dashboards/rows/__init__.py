"""The panels by question; overview.py, source.py and exporter.py put them into rows."""
