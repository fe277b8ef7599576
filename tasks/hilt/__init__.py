"""HILT and the Hallucination Vulnerability Index: what models state that is not so, after true and false statements."""
