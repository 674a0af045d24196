"""The two halves of `inspect`, for the command line: carve an incident's packets, and have them dissected."""

from sensor.pipeline.carving import Carved, carve
from sensor.wire.dissecting import Dissected, dissect

__all__ = ["Carved", "Dissected", "carve", "dissect"]
