"""Is the tuned model better than its base, and is that more than chance?"""
