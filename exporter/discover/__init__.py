"""What `init` finds: the session tables of a database, and the config that watches them."""
