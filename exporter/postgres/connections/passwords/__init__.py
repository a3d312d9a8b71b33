"""The password of a connection: from a file, or from a command that prints it."""
