"""Model providers, a file or package each, with ``load(name, **options) -> suite.task.Model``."""
