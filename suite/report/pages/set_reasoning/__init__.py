"""Set reasoning's page: masks over seeds, gaps, shortcuts, precisions, facts in one order, models as they come."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.content import TaskPage
from suite.report.pages.set_reasoning.facts import fact_figure
from suite.report.pages.set_reasoning.findings import finding, summary
from suite.report.pages.set_reasoning.precision import precision_figures
from suite.report.pages.set_reasoning.prompted import prompted_figures
from suite.report.pages.set_reasoning.trained import trained_figures
from suite.report.pages.set_reasoning.wording import MEASURES, METHODS
from suite.report.queries import RunView


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    makers = (trained_figures, precision_figures, fact_figure, prompted_figures)
    figures = [figure for maker in makers for figure in maker(runs)]
    return TaskPage(finding(runs), MEASURES, summary(runs), figures, METHODS)
