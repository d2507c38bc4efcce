"""The only place that knows a backend."""
