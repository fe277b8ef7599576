"""Trends: how a metric of any task changes along a scale, with a verdict that is fixed beforehand."""
