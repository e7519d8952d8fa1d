"""People's part: which records they should look at, what they are shown, and what they decided."""
