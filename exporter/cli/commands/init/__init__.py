"""The parts of `init`: the connection, the answers, the work and what is printed."""
