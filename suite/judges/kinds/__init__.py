"""The judges, one file each with ``load(name, **options)``; dropping a file here registers it."""
