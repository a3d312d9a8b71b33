"""Whether a table holds sessions, and which of them are active: pure functions of what was read."""
