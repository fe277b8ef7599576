"""Attention mechanisms, one file each, written from the formula of the paper that the file names."""
