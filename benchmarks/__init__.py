"""Time, memory and growth, measured in multiples of one scan."""
