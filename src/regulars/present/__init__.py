"""Results become words, pictures, pages and files."""
