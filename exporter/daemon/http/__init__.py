"""The HTTP server: connections, their limits, the protocol."""
