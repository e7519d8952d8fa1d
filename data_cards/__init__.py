"""What is in a data set, measured: its card, and whether the card is true."""
