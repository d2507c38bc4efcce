"""The demo world `health`: a distributor of health products whose members bring members."""
