"""The reversal curse's page: forward against reverse, ranks, likelihood contrast, wordings, controls, real people."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.content import TaskPage
from suite.report.pages.reversal_curse.contrast import contrast_figure
from suite.report.pages.reversal_curse.controls import control_figure, real_figure
from suite.report.pages.reversal_curse.directions import accuracy_figure, rank_figure, wording_figure
from suite.report.pages.reversal_curse.efficiency import efficiency_figures
from suite.report.pages.reversal_curse.findings import finding, summary
from suite.report.pages.reversal_curse.objectives import objective_figures
from suite.report.pages.reversal_curse.wording import MEASURES, METHODS
from suite.report.queries import RunView

_MOST_SINGLE = 6  # panels of single runs beneath a comparison over seeds, which shows them all


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    makers = (accuracy_figure, rank_figure, contrast_figure, wording_figure, control_figure, real_figure)
    compared = [*objective_figures(runs), *efficiency_figures(runs)]
    single = runs if not compared else runs[:_MOST_SINGLE]
    figures = [*compared, *(figure for maker in makers for figure in maker(single))]
    return TaskPage(finding(runs), MEASURES, summary(runs), figures, METHODS)
