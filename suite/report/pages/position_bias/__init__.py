"""Position bias's page: accuracy by place, recall by letter, curves, swapped judges, mitigations, interventions."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.content import TaskPage
from suite.report.pages.position_bias.curves import curve_figures, published_figure
from suite.report.pages.position_bias.findings import finding, summary
from suite.report.pages.position_bias.interventions import intervention_figures
from suite.report.pages.position_bias.judging import quadrant_figures
from suite.report.pages.position_bias.mitigations import mitigation_figures
from suite.report.pages.position_bias.options import letter_figures, place_figures
from suite.report.pages.position_bias.premises import premise_figures
from suite.report.pages.position_bias.wording import MEASURES, METHODS
from suite.report.queries import RunView


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    makers = (
        *(place_figures, letter_figures, curve_figures, published_figure, quadrant_figures, premise_figures),
        *(mitigation_figures, intervention_figures),
    )
    figures = [figure for maker in makers for figure in maker(runs)]
    return TaskPage(finding(runs), MEASURES, summary(runs), figures, METHODS)
