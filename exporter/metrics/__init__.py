"""The metrics: their catalog, and how samples become bytes."""
