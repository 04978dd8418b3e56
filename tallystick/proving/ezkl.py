"""What runs inside a child process, and the only importer of ezkl: `python -m tallystick.proving.ezkl REQUEST`.

The library can hang with the interpreter's lock held, panic past `except Exception` and write to stdout, so nothing
else ever calls it. REQUEST is a JSON file `{"parent": pid, "steps": [{"name", "call", "arguments"}]}`; `call` is a key of
`CALLS`. The answer is one JSON line per event on what stdout was at the start:

    {"begin": name}
    {"done": name, "seconds": s, "peak": bytes, "result": {...}}
    {"failed": name, "kind": "error" | "panic" | "missing" | "memory", "message": text}
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TextIO

from tallystick.proving.lifeline import die_with_parent

Result = dict[str, Any]

_MESSAGE_CHARACTERS = 2000
_SCALE = 7  # fixed-point bits: 2**-8 rounding error; 13 halves no rows and shrinks the calibrated range


def _library() -> Any:
    import ezkl  # noqa: PLC0415  # after the lifeline is set and stdout is guarded, because it starts threads and prints

    return ezkl


def settings(model: str, settings: str, decomp_base: int, decomp_legs: int, freivalds: bool) -> Result:
    """Settings before calibration. Inputs and outputs public, weights fixed in the verifying key."""
    ezkl = _library()
    arguments = ezkl.PyRunArgs()
    arguments.input_scale = _SCALE
    arguments.param_scale = _SCALE
    arguments.scale_rebase_multiplier = 1
    arguments.num_inner_cols = 2  # more columns cost more than the rows they save, and a larger verifier
    arguments.input_visibility = "public"
    arguments.output_visibility = "public"
    arguments.param_visibility = "fixed"
    arguments.decomp_base = decomp_base
    arguments.decomp_legs = decomp_legs
    arguments.disable_freivalds = not freivalds
    ezkl.gen_settings(model, settings, arguments)
    return {"rows": json.loads(Path(settings).read_text())["num_rows"]}


def calibrate(data: str, model: str, settings: str) -> Result:
    _library().calibrate_settings(
        data, model, settings, "resources", scales=[_SCALE], scale_rebase_multiplier=[1], max_logrows=None
    )
    return {}


def compile_circuit(model: str, compiled: str, settings: str) -> Result:
    _library().compile_circuit(model, compiled, settings)
    return {}


def srs(path: str, logrows: int) -> Result:
    """A development SRS: whoever runs this could know its secret."""
    _library().gen_srs(path, logrows)
    return {}


def setup(compiled: str, vk: str, pk: str, srs: str) -> Result:
    _library().setup(compiled, vk, pk, srs)
    return {}


def vka(vk: str, settings: str, vka: str, srs: str) -> Result:
    """The verifying-key artifact of the reusable on-chain verifier."""
    _await(lambda: _library().create_evm_vka(vk, settings, vka, srs))
    return {}


def solidity(vk: str, settings: str, source: str, abi: str, srs: str) -> Result:
    """The reusable verifier's source. The library then calls a compiler, which is not wanted and may be missing."""
    try:
        _await(lambda: _library().create_evm_verifier(vk, settings, source, abi, srs, True))
    except RuntimeError:
        if not Path(source).is_file():
            raise
    return {}


def witness(data: str, compiled: str, witness: str) -> Result:
    """Runs the circuit on field elements. Refuses a witness that is of another input than the one given."""
    made = _library().gen_witness(data, compiled, witness)
    wanted = json.loads(Path(data).read_text())["input_data"]
    if made["inputs"] != wanted:
        raise RuntimeError("[tallystick] the witness is of another input than the one asked for")
    return {"outputs": made["outputs"]}


def mock(witness: str, compiled: str) -> Result:
    """Checks every constraint without proving; what fails here would hang `prove` or give a proof that nobody accepts."""
    if _library().mock(witness, compiled) is not True:
        raise RuntimeError("[tallystick] the circuit is not satisfied")
    return {}


def prove(witness: str, compiled: str, pk: str, proof: str, srs: str) -> Result:
    _library().prove(witness, compiled, pk, proof, srs)
    return {}


def verify(proof: str, settings: str, vk: str, srs: str) -> Result:
    if _library().verify(proof, settings, vk, srs) is not True:
        raise RuntimeError("[tallystick] the proof does not verify")
    return {}


def refuse(proof: str, settings: str, vk: str, srs: str) -> Result:
    """Succeeds where `verify` must not: shows that a shortened proof is no proof any more."""
    try:
        _library().verify(proof, settings, vk, srs)
    except RuntimeError:
        return {}
    raise RuntimeError("[tallystick] the proof has trailing bytes")


CALLS: dict[str, Callable[..., Result]] = {
    "settings": settings,
    "calibrate": calibrate,
    "compile": compile_circuit,
    "srs": srs,
    "setup": setup,
    "vka": vka,
    "solidity": solidity,
    "witness": witness,
    "mock": mock,
    "prove": prove,
    "verify": verify,
    "refuse": refuse,
}


def _await(start: Callable[[], Awaitable[Any]]) -> None:
    """The library's futures can only be made while an event loop runs."""
    import asyncio  # noqa: PLC0415  # it takes 30 ms to load, a tenth of a small proof, and proving does not need it

    async def run() -> None:
        await start()

    asyncio.run(run())


def peak_memory() -> int:
    """Peak resident bytes of this process. On Linux not from getrusage, which counts what the parent held at the fork."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _kind(error: BaseException) -> str:
    if isinstance(error, ImportError):
        return "missing"
    if isinstance(error, MemoryError):
        return "memory"
    return "error" if isinstance(error, Exception) else "panic"


def _take_stdout() -> TextIO:
    """Keeps stdout for events; whatever the library prints goes to stderr instead."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _say(events: TextIO, **event: Any) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


def main(request_path: str) -> int:
    events = _take_stdout()
    request = json.loads(Path(request_path).read_text())
    die_with_parent(request["parent"])
    for step in request["steps"]:
        name = step["name"]
        _say(events, begin=name)
        start = time.perf_counter()
        try:
            result = CALLS[step["call"]](**step["arguments"])
        except BaseException as error:  # a Rust panic derives from BaseException
            _say(events, failed=name, kind=_kind(error), message=str(error)[:_MESSAGE_CHARACTERS])
            return 1
        _say(events, done=name, seconds=time.perf_counter() - start, peak=peak_memory(), result=result)
    return 0


if __name__ == "__main__":
    # Not sys.exit: freeing a proving key page by page takes time that nobody needs.
    os._exit(main(sys.argv[1]))
