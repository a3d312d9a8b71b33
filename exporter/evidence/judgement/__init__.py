"""What the answers of owners and stores prove, and what they do not: pure, time is an argument."""
