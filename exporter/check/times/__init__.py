"""Whether the times of sessions are what happened, as far as the rows tell."""
