"""From files and databases to raw rows in the engine."""
