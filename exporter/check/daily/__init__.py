"""Whether the daily statistics can say what they are asked for."""
