"""The reversal curse: trained on "A is B", asked for "B is A" (Berglund et al., arXiv 2309.12288)."""
