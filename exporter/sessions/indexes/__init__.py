"""Whether a collector has a usable index, and the command that creates one."""
