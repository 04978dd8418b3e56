"""The engine as this agent uses it: a backend, programs made ready for it, and how long they take."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from executor.optimistic.inspection import LoadedProgram
from executor.optimistic.run_times import RunTimes, computed_seconds
from tallystick.engine.backends import Plan
from tallystick.engine.executor import run
from tallystick.engine.program import SEMANTICS_VERSION, Array
from tallystick.engine.trace import Commitment, Trace
from tallystick.logs import get_logger
from tallystick.service.backend_choice import BackendChoice, make_backend
from tallystick.service.backends import Candidate, installed

log = get_logger(__name__)

PLANS_KEPT = 4


class Engine:
    """Runs programs with their traces. From any thread; one run at a time is fastest, and its caller sees to that.

    Args:
        choice: Where no backend is chosen yet, the reference is used until `settle` was called.
        threads: Of one run.
        folder: For measured times.
    """

    def __init__(self, choice: BackendChoice, threads: int, folder: Path) -> None:
        self._choice = choice
        self._threads = threads
        self._times = RunTimes(folder / "run_times.json")
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = threading.Lock()
        self._use(choice.known() or choice.reference())

    def _use(self, candidate: Candidate) -> None:
        with self._lock:
            self._backend = make_backend(candidate, self._threads)
            self.name = candidate.name
            self._library = installed(candidate.distribution)
            self._plans.clear()

    @property
    def is_settled(self) -> bool:
        """Whether the backend is the one that was wanted."""
        known = self._choice.known()
        return known is not None and known.name == self.name

    def settle(self) -> None:
        """Runs the self-tests that the choice of a backend takes, and uses what they choose. Minutes, once for a machine.

        Raises:
            InputError: the backend that is wanted is not exact here, or not there.
        """
        self._use(self._choice.settle())
        log.info("backend_chosen", backend=self.name, version=self._library, threads=self._threads)

    @property
    def backend(self) -> str:
        """As it is announced."""
        return f"engine-{self.name}"

    @property
    def version(self) -> str:
        """As it is announced: of the semantics of the programs that it runs, which is what a job needs."""
        return str(SEMANTICS_VERSION)

    @property
    def tool(self) -> str:
        """What runs here are made by, for what depends on it."""
        return f"engine-{self.name} {self._library} semantics {SEMANTICS_VERSION} threads {self._threads}"

    # ---- programs -----------------------------------------------------------------------------------------------------

    def measured_seconds(self, model: LoadedProgram) -> float | None:
        """Of one run with its trace; None where none was measured."""
        return self._times.measured(model.program_id, self.tool)

    def estimate_seconds(self, model: LoadedProgram) -> float:
        """The same, from the program's work where none was measured."""
        measured = self.measured_seconds(model)
        return computed_seconds(model.program) if measured is None else measured

    def prepare(self, model: LoadedProgram) -> Plan:
        """The program made ready. Raises ModelError where the backend cannot run it."""
        with self._lock:
            plan = self._plans.get(model.program_id)
            if plan is None:
                plan = self._plans[model.program_id] = self._backend.prepare(model.program)
                while len(self._plans) > PLANS_KEPT:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(model.program_id)
            return plan

    def run(self, model: LoadedProgram, inputs: Sequence[Array]) -> tuple[Trace, Commitment]:
        """One run with its trace and roots, timed. Raises TensorError, ModelError."""
        plan = self.prepare(model)
        started = time.perf_counter()
        trace = run(model.program, inputs, plan=plan)
        commitment = trace.commit(threads=self._threads)
        with self._lock:
            self._times.note(model.program_id, self.tool, time.perf_counter() - started)
        return trace, commitment
