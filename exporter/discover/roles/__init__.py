"""What a column is for, by its name and type."""
