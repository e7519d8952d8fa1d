"""Which LoRA recipe, on which hardware, and is the tuned model better than the base?"""
