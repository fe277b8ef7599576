"""Groups of commands; each module's `app` is joined to the root one in `cli.py`."""
