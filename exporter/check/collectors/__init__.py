"""What collectors need of a table and its audit: indexes, and numbers that are large enough."""
