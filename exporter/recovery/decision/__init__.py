"""What automatic recovery may close now, and the brakes that keep it from closing anything."""
