"""Task pages of the report: a module (or package) NAME here is the page of the task NAME, and nothing else is to do.

It has one function, ``page(runs: Sequence[RunView]) -> TaskPage``: given the runs of its task, in the order in which to
show them, it returns what `suite.report.content.TaskPage` names. `suite.report.charts` has the shapes of charts,
`RunView.named` and `RunView.first` find metrics, and `suite.report.queries.cluster_means` reads scores of samples.
A page must stand any condition: imported runs of its task may lack the keys that our own have.
"""
