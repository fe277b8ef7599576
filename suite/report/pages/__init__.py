"""Task pages of the report, a file a task, with ``page(runs) -> suite.report.site.TaskPage``."""
