"""Known applications: their session tables by fingerprint, and the right declaration of each."""
