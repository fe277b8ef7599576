"""Forward chaining: are definitions that a model was trained on found, step by step, from what is known?"""
