"""From a connection string to a connection, within the limit of its database."""
