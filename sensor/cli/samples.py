"""Find the sample captures and logs that `spanline demo` replays.

In a checkout they are `pcaps/`; the wheel carries the same folder as `sensor/_samples` (pyproject.toml, force-include).
"""

from pathlib import Path

import sensor


def samples_dir() -> Path:
    """Return the folder of sample captures, wherever this program was installed from.

    Raises:
        FileNotFoundError: neither place has it: the installation is damaged.
    """
    package = Path(sensor.__file__).resolve().parent
    places = (package / "_samples", package.parent / "pcaps")
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"no sample captures in {' or '.join(map(str, places))}: reinstall spanline")
