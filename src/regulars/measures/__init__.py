"""Named Ibis expressions: each business term is defined once. Nothing here is executed."""
