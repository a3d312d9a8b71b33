"""What closing a session means for one source, as SQL on its table."""
