"""From a connection string to a connection, within the budget of its database."""
