"""One question per file. A file that holds an `Analysis` is an analysis: nothing else registers it."""
