"""What is checked of how a database is connected to: its password, the way to it, the role."""
