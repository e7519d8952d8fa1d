"""Which category of a taxonomy a letter belongs to, and when the machine had better not say."""
