"""Set reasoning: union and intersection of two sets, and of three (Wu, Yang, Wang 2024)."""
