"""Which rights a role lacks, and which it has without need."""
