-- Which server this transaction is on.
SELECT {server}
