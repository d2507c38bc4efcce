"""The dashboard: look, ask, drill, take away."""
