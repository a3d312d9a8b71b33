"""Speaking HTTP with whoever connects: connections, their limits, the protocol."""
