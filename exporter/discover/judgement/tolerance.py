"""How many rows may contradict what the others say: data has mistakes of its own."""

#: As a share of the rows.
TOLERANCE = 0.1
