"""The public leaderboard: exported runs that anybody may hand in, checked, ranked, and shown."""

from suite.leaderboard.build import build_leaderboard
from suite.leaderboard.submission import Checked, check_submission

__all__ = ["Checked", "build_leaderboard", "check_submission"]
