"""Where results stay: a journal a run, one DuckDB database for all (DuckDB is imported when a query needs it)."""

from suite.store.store import Store

__all__ = ["Store"]
