"""What is shipped: the wheel works elsewhere, and `import datasets` stays Hugging Face's library."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def test_datasets_is_the_library_even_inside_the_checkout() -> None:
    program = "import datasets; print(datasets.__file__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parts[-3:-1] == ("site-packages", "datasets")


def test_datasets_folder_holds_data_only() -> None:
    assert not list((REPOSITORY / "datasets").rglob("*.py"))


def test_nothing_shipped_equals_a_public_file(public_data: Path) -> None:
    ours = {"real_facts.csv"}  # original to this project, as its card says; published with the reference data too
    public = {path.read_bytes() for path in public_data.rglob("*") if path.is_file() and path.name not in ours}
    shipped = [path for path in (REPOSITORY / "datasets").rglob("*") if path.is_file()]
    assert shipped
    assert not [path for path in shipped if path.read_bytes() in public]


@pytest.mark.slow
def test_the_wheel_installs_elsewhere_and_runs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(REPOSITORY)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("unreason-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "suite/store/schema.sql" in names
    assert any(name.startswith("suite/_datasets/reversal_curse/") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "datasets/"))]
    # an environment of its own that borrows the heavy libraries of this one, so that no network is needed
    home = tmp_path / "elsewhere"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    site = next((home / "lib").glob("python*")) / "site-packages"
    borrowed = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "borrowed.pth").write_text(borrowed + "\n")
    python = home / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--no-deps", "--no-index", "--force-reinstall", str(wheel)],
        check=True,
        capture_output=True,
    )
    where = subprocess.run(
        [python, "-c", "import suite; print(suite.__file__)"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(home) in where.stdout
    done = subprocess.run(
        [home / "bin" / "unreason", "demo", "--out", "out"], cwd=tmp_path, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report" / "index.html").stat().st_size > 10_000
