"""Judges label what a model wrote; all of them write the same record (see `suite.judges.record`)."""
