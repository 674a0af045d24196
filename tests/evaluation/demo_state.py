"""The state that `spanline demo` makes, made once for all tests that want one, and copied for each."""

import shutil
from pathlib import Path

from sensor.cli.demo import demo_config, demo_inputs
from sensor.cli.replay import perform
from sensor.cli.samples import samples_dir
from sensor.pipeline.inputs import Options


def made(folder: Path) -> Path:
    config = demo_config(samples_dir())
    perform(
        tuple(demo_inputs(samples_dir())), folder / "demo", config, site=config.site, fresh=True, learn_until=None,
        flows_out=None, metrics_out=None, secret_file=None, options=Options(), told=None,
    )  # fmt: skip
    return folder / "demo"


def copy_of(state: Path, folder: Path) -> Path:
    shutil.copytree(state, folder)
    return folder
