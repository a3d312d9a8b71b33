"""The checks of a connection: password files, encryption, the role and its settings."""
