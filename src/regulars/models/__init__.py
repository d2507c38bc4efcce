"""Small mathematics: plain arrays in, frozen fits out.

Nothing here knows a table, an engine or a file of the user's. A model works on the summary that the
engine counted, so its cost depends on the number of distinct cells and never on the number of customers.
"""
