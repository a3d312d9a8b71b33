"""Text of more than one command."""
