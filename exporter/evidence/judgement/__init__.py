"""What the answers of owners and stores prove: pure functions with time as an argument."""
