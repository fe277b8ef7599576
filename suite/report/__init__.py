"""The static report: queries -> tables, Altair charts, Jinja pages. It reads the database and nothing else."""

from suite.report.site import build_report

__all__ = ["build_report"]
