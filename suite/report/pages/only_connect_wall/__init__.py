"""The Only Connect Wall's page: walls and groups against people, the herring effect, doses, lures, and walls."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.content import TaskPage
from suite.report.pages.only_connect_wall.effects import dose_figure, effect_figures
from suite.report.pages.only_connect_wall.findings import finding, summary
from suite.report.pages.only_connect_wall.lures import lure_figure
from suite.report.pages.only_connect_wall.solved import names_figure, solved_figures
from suite.report.pages.only_connect_wall.walls import wall_explorer
from suite.report.pages.only_connect_wall.wording import MEASURES, METHODS
from suite.report.queries import RunView


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    makers = (solved_figures, effect_figures, dose_figure, lure_figure, names_figure)
    figures = [figure for maker in makers for figure in maker(runs)]
    return TaskPage(finding(runs), MEASURES, summary(runs), figures, METHODS, wall_explorer(runs))
