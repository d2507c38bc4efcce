"""Demo worlds: made-up data of real shape, with the truth that made it written beside."""
