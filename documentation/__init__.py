"""How the documentation site is made: pages drawn from the code beside the pages written by hand in `docs/`."""
