"""The rule of one source: closing a session, as SQL on its table."""
