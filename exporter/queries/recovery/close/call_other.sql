-- A function of somebody else's, which finds what to close by itself.
SELECT {function}({arguments})
