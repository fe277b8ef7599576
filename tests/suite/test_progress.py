"""What people see while a run goes on."""

from __future__ import annotations

import io

import pytest

from suite.progress import Bar, PlainLines, Progress, Silent, reporter

HALFWAY = Progress(done=50, total=100, kept=10, failed=2, tokens=12345, seconds=20.0)


def test_rate_and_remaining_time_leave_out_what_was_there_before() -> None:
    assert HALFWAY.rate == pytest.approx(2.0)
    assert HALFWAY.remaining_s == pytest.approx(25.0)


def test_before_the_first_sample_no_time_is_promised() -> None:
    assert Progress(done=10, total=100, kept=10, failed=0, tokens=0, seconds=1.0).remaining_s is None


def test_a_plain_line_says_everything() -> None:
    assert HALFWAY.line() == "50/100 samples (50 %), 2.0/s, 12,345 tokens, 0:25 left, 2 failed"


def test_plain_lines_come_now_and_then_and_at_the_end() -> None:
    out = io.StringIO()
    lines = PlainLines(every_s=3600, stream=out)
    lines.start("toy")
    for _ in range(100):
        lines.update(HALFWAY)
    assert out.getvalue() == ""
    lines.close()
    assert out.getvalue() == f"toy: {HALFWAY.line()}\n"


def test_without_a_terminal_the_default_is_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(reporter(), PlainLines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(reporter(), Bar)
    assert isinstance(reporter(silent=True), Silent)


def test_the_bar_shows_names_with_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    bar.start("toy [red] on model")
    bar.update(HALFWAY)
    bar.note("a [bold] note")
    bar.close()
    shown = capsys.readouterr().err
    assert "toy [red] on model" in shown
    assert "a [bold] note" in shown
    assert "50/100" in shown
    assert "12,345 tokens" in shown
