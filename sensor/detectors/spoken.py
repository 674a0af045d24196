"""Which services a tick's flows spoke, as Zeek writes them: each text once, and which is whose. No detector."""

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from sensor.model.tick import Spoken, Tick


def spoken(tick: Tick) -> Spoken:
    """Return the services of a tick's flows; sorted out once a tick."""
    if tick.spoken is None:
        texts, number = np.unique(tick.flows["service"], return_inverse=True)
        tick.spoken = Spoken(texts.tolist(), np.asarray(number, np.int64))
    return tick.spoken


def each(tick: Tick, at: NDArray[np.int64]) -> list[tuple[bytes, NDArray[np.int64]]]:
    """Return each service's flows among those at some places, the services in order of their bytes."""
    said = spoken(tick)
    number = said.number[at]
    return [(said.texts[one], at[number == one]) for one in values_of(number).tolist()]
