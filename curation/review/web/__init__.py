"""The local page on which people review: `govtune review RUN`."""
