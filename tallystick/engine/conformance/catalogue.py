"""All cases of the self-test, as functions of a random generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tallystick.engine.conformance.case import Case
from tallystick.engine.conformance.dots import DOTS
from tallystick.engine.conformance.halves import HALVES
from tallystick.engine.conformance.networks import NETWORKS
from tallystick.engine.conformance.shapes import SHAPES
from tallystick.engine.conformance.tables import TABLES

Make: TypeAlias = Callable[[np.random.Generator], Case]

CATALOGUE: tuple[Make, ...] = (*DOTS, *HALVES, *TABLES, *SHAPES, *NETWORKS)
