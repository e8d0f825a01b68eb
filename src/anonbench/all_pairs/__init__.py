"""Exact error rates of more comparisons than fit into memory, in one pass over tiles."""
