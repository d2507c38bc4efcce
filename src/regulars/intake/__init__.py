"""From the files of the user to the contract."""
