"""What the config file says, before anything is known about its keys."""
