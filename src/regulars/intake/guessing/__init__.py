"""What the user's files are, guessed from names and values."""
