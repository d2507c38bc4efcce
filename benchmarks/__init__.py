"""Time, memory and growth, measured in multiples of one scan; beside other tools on the same data."""
