"""The sample captures are found in a checkout and in an installed wheel, and a damaged installation is named."""

from pathlib import Path

import pytest

import sensor
from sensor.cli.samples import samples_dir


def test_a_checkout_uses_its_pcaps_folder() -> None:
    """In a checkout the samples are those in pcaps/."""
    assert Path(sensor.__file__).parent.parent / "pcaps" == samples_dir()


def test_an_installed_wheel_uses_the_folder_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that the wheel carries wins over whatever lies beside the package."""
    (tmp_path / "pcaps").mkdir()
    (tmp_path / "sensor" / "_samples").mkdir(parents=True)
    monkeypatch.setattr(sensor, "__file__", str(tmp_path / "sensor" / "__init__.py"))
    assert tmp_path / "sensor" / "_samples" == samples_dir()


def test_a_damaged_installation_is_an_error_that_names_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no samples, the error says where they were looked for."""
    monkeypatch.setattr(sensor, "__file__", str(tmp_path / "sensor" / "__init__.py"))
    with pytest.raises(FileNotFoundError, match=r"_samples or .*pcaps: reinstall spanline"):
        samples_dir()
