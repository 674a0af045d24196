"""What several evaluations look at."""

from pathlib import Path

import pytest

from tests.evaluation import demo_state


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state that `spanline demo` makes; whoever changes it copies it first."""
    return demo_state.made(tmp_path_factory.mktemp("demo"))
