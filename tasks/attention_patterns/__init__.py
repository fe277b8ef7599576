"""Attention patterns: what each attention mechanism learns, costs and forgets; see README.md."""
