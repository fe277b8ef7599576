"""Position bias: does the answer depend on where an option, answer, document or premise stands?"""
