"""The plausibility of the times of sessions."""
