"""Whether an index serves a collector, and the command that creates one that would."""
