"""The nouns of the house; no work is done here."""
