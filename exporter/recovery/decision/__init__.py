"""What automatic recovery may close now."""
