"""The share of rows that may contradict the others, because data has mistakes."""

#: As a share of the rows.
TOLERANCE = 0.1
