from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import structlog
from anvil_chain import AnvilChain
from broken_programs import every_opcode
from challenger_world import World
from engine_programs import random_array

from tallystick.chain.deployment import Deployment
from tallystick.engine.executor import run
from tallystick.engine.trace import Trace


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A command configures logging for the whole process, and its terminal is gone when the next test begins."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def trace() -> Trace:
    """An honest run of a program with every opcode."""
    program, rng = every_opcode(), np.random.default_rng(7)
    return run(program, [random_array(rng, header) for header in program.inputs])


@pytest.fixture
def world(
    new_chain: Callable[..., AnvilChain],
    deployment: Deployment,
    deployment_record: Path,
    trace: Trace,
    tmp_path: Path,
) -> World:
    return World(new_chain(), deployment, deployment_record, tmp_path, trace)
