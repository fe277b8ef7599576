"""The interface of attention mechanisms: registration, construction, and input that is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from suite.attention import Attention, LengthError, Pattern, UnsupportedPattern, build, declared, mechanism, names
from suite.errors import UserError

MINE = """
from suite.attention.dense import dense
from suite.attention.module import Attention
from suite.attention.patterns import Pattern

class Mine(Attention):
    name = "mine"
    patterns = frozenset({Pattern.NC})

    def attend(self, q, k, v, padding):
        return dense(q, k, v)
"""


def test_every_mechanism_of_the_paper_is_there_with_its_controls() -> None:
    efficient = {"local", "performer", "cosformer", "abc", "nystrom", "lara", "probsparse", "longshort", "s4d"}
    assert efficient | {"vanilla", "sdpa", "none", "aligned_local", "lightning", "aaren"} == set(names())


def test_names_are_listed_without_importing_torch() -> None:
    code = "import sys, suite.attention as a, suite.commands.attention; a.names(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_file_in_a_folder_is_a_mechanism(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    assert "mine" in names(tmp_path)
    assert declared(tmp_path)["mine"] == {Pattern.NC}
    built = build("mine", 8, 2, "NC", 16, folder=tmp_path)
    assert isinstance(built, Attention)
    assert built(torch.randn(1, 3, 8), torch.randn(1, 5, 8)).shape == (1, 3, 8)


def test_an_entry_point_is_a_mechanism(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_package.py").write_text(MINE.replace('"mine"', '"theirs"'))
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unreason.attentions]\ntheirs = their_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "theirs" in names()
    assert mechanism("theirs").patterns == {Pattern.NC}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("x = 1\n", "expected one subclass of suite.Attention, found 0"),
        ("import nowhere_at_all\n", "cannot be imported: ModuleNotFoundError"),
        (MINE.replace('"mine"', '"other"'), "its class is named 'other'; expected 'mine'"),
    ],
)
def test_a_file_that_is_no_mechanism_is_an_error(tmp_path: Path, text: str, finding: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UserError, match=finding):
        mechanism("mine", tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        names(tmp_path / "nowhere")


def test_an_undeclared_pattern_is_refused_at_construction() -> None:
    with pytest.raises(UnsupportedPattern, match="nystrom does not do CS") as caught:
        build("nystrom", 8, 2, "CS", 16)
    assert (caught.value.mechanism, caught.value.pattern) == ("nystrom", Pattern.CS)


def test_an_unknown_setting_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="unknown setting of local 'windows'; did you mean window"):
        build("local", 8, 2, "NS", 16, windows=4)


@pytest.mark.parametrize(
    ("name", "pattern", "cfg"),
    [
        ("local", "CS", {"window": 0}),
        ("aligned_local", "CC", {"window": 0}),
        ("aligned_local", "CC", {"queries": 0}),
        ("performer", "NS", {"features": 0}),
        ("abc", "CS", {"slots": 0}),
        ("nystrom", "NS", {"landmarks": 0}),
        ("lara", "NS", {"landmarks": 0}),
        ("probsparse", "NS", {"factor": 0}),
        ("longshort", "CS", {"window": 0}),
        ("longshort", "CS", {"window": 8, "stretch": 5}),
        ("longshort", "NS", {"slots": 0}),
        ("s4d", "CS", {"states": 0}),
        ("s4d", "CS", {"init": "legs"}),
        ("lightning", "CS", {"block": 0}),
    ],
)
def test_a_setting_out_of_range_is_refused(name: str, pattern: str, cfg: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(reversed(cfg)))):
        build(name, 8, 2, pattern, 16, **cfg)


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="dim=9 is not a multiple of heads=2"):
        build("vanilla", 9, 2, "NS", 16)


def test_keys_of_another_sequence_belong_to_cross_patterns_alone() -> None:
    x = torch.randn(1, 4, 8)
    with pytest.raises(ValueError, match="x_kv must not be given"):
        build("vanilla", 8, 2, "CS", 16)(x, x)
    with pytest.raises(ValueError, match="NC needs x_kv"):
        build("vanilla", 8, 2, "NC", 16)(x)


@pytest.mark.parametrize(
    ("argument", "x_q", "x_kv"),
    [
        ("x_q", torch.full((1, 2, 8), torch.nan), torch.ones(1, 2, 8)),
        ("x_kv", torch.ones(1, 2, 8), torch.full((1, 2, 8), torch.inf)),
    ],
)
def test_input_that_is_not_finite_is_an_error_naming_the_argument(
    argument: str, x_q: torch.Tensor, x_kv: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=f"{argument} has entries that are not finite"):
        build("vanilla", 8, 2, "NC", 16)(x_q, x_kv)


def test_large_but_finite_input_is_taken() -> None:
    x = torch.full((1, 4, 8), 3e38)
    with pytest.raises(ValueError, match="not finite"):
        build("none", 8, 2, "NS", 16)(x * 10)
    build("none", 8, 2, "NS", 16)(x / 1e3)


@pytest.mark.parametrize(
    ("x", "mask", "finding"),
    [
        (torch.ones(4, 8), None, "x_q has shape"),
        (torch.ones(1, 4, 6), None, "x_q has shape"),
        (torch.ones(1, 4, 8), torch.zeros(1, 3, dtype=torch.bool), "key_padding_mask must be bool of shape"),
        (torch.ones(1, 4, 8), torch.zeros(1, 4), "key_padding_mask must be bool of shape"),
    ],
)
def test_a_wrong_shape_is_an_error(x: torch.Tensor, mask: torch.Tensor | None, finding: str) -> None:
    with pytest.raises(ValueError, match=finding):
        build("vanilla", 8, 2, "NS", 16)(x, key_padding_mask=mask)


@pytest.mark.parametrize(
    ("name", "pattern"), [("cosformer", "CS"), ("cosformer", "NC"), ("probsparse", "NS"), ("aligned_local", "CC")]
)
def test_a_bounded_mechanism_refuses_what_is_longer_and_never_cuts_it(name: str, pattern: str) -> None:
    module = build(name, 8, 2, pattern, 16)
    other = torch.randn(1, 5, 8) if module.pattern.is_cross else None
    assert module(torch.randn(1, 16, 8), other).shape == (1, 16, 8)
    with pytest.raises(LengthError, match="17 positions, but it was made for max_len=16"):
        module(torch.randn(1, 17, 8), other)


@pytest.mark.parametrize("name", ["cosformer", "aligned_local"])
def test_a_bounded_mechanism_refuses_a_step_too_many(name: str) -> None:
    module = build(name, 8, 2, "CC", 3)
    state = module.init_state(1, torch.randn(1, 3, 8))
    for _ in range(3):
        _, state = module.step(torch.randn(1, 8), state)
    with pytest.raises(LengthError):
        module.step(torch.randn(1, 8), state)


def test_half_precision_on_a_cpu_is_computed_in_single_with_a_warning() -> None:
    module, x = build("vanilla", 8, 2, "NS", 16), torch.randn(1, 4, 8).half()
    with pytest.warns(UserWarning, match="x_q is torch.float16 on a CPU; computed in float32"):
        out = module(x)
    torch.testing.assert_close(out, module(x.float()))


def test_a_row_whose_keys_are_all_padded_is_zero_even_in_a_causal_pattern() -> None:
    module, x = build("abc", 8, 2, "CS", 16), torch.randn(2, 6, 8)
    mask = torch.tensor([[True, True, False, False, False, False], [True] * 6])
    out = module(x, key_padding_mask=mask)
    assert out[0, :2].abs().max() == 0
    assert out[1].abs().max() == 0
    assert out[0, 2:].abs().min(-1).values.max() > 0


def test_steps_belong_to_causal_patterns_and_mechanisms_that_have_them() -> None:
    with pytest.raises(UserError, match="vanilla in NS has no incremental step"):
        build("vanilla", 8, 2, "NS", 16).init_state(1)
    with pytest.raises(ValueError, match="x_kv must not be given"):
        build("vanilla", 8, 2, "CS", 16).init_state(1, torch.randn(1, 3, 8))


def test_parameters_beyond_the_projections_are_counted() -> None:
    assert build("vanilla", 8, 2, "NS", 16).extra_parameters() == 0
    assert build("abc", 8, 2, "NS", 16, slots=3).extra_parameters() == 2 * 4 * 3


@pytest.mark.parametrize(("name", "patterns"), sorted(declared().items()))
def test_no_mechanism_adds_a_tenth_of_a_small_backbone(name: str, patterns: frozenset[Pattern]) -> None:
    for pattern in patterns:
        block = 12 * 64 * 64  # attention and feed-forward of one layer
        assert build(name, 64, 4, pattern, 256).extra_parameters() <= 0.1 * block
