"""Built-in tasks, a folder each: README.md (card), task.py, options.py, generate.py, metrics.py."""
