"""The missing and the unneeded rights of a role."""
