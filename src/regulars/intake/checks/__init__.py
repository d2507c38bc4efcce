"""Queries that return bad rows, and what is said about them."""
