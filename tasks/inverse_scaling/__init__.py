"""Inverse scaling: eleven tasks on which larger models were found to do worse, each with a control without the trap."""
