"""The sessions that automatic recovery may close now, and the brakes."""
