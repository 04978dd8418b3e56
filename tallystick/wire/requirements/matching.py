"""Requirements against a capability. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.wire.capability import MAX_ENTRIES, Capability
from tallystick.wire.requirements.clause import Clause, Requirements
from tallystick.wire.requirements.keys import GPU_COUNT, KEYS, Candidate, Group, candidates

_NOUNS: dict[Group, str] = {"machine": "machine", "gpu": "GPU", "prover": "prover"}
_SHOWN = 4


@dataclass(frozen=True)
class Unmet:
    """One requirement that a machine does not meet.

    Attributes:
        wanted: In the language's own spelling; several clauses where each is met, but no GPU meets them together.
        found: What the machine has instead, for people.
        nearest_change: The smallest change to the requirements that this machine would meet, as a sentence.
        gap: How far it is from that, 0 to 1, comparable within one `wanted`: the smallest is the nearest machine.
    """

    key: str
    wanted: str
    found: str
    nearest_change: str
    gap: float

    def __str__(self) -> str:
        return f"{self.wanted} is required, found {self.found}"


def unmet(requirements: Requirements, capability: Capability) -> tuple[Unmet, ...]:
    """What of `requirements` a machine with `capability` does not meet; empty where it meets all.

    A `gpu` clause counts the GPUs that meet every `gpu.model`, `vram` and `cc` clause at once; where these stand
    without it, one such GPU is enough.
    """
    of_group: dict[Group, list[Clause]] = {"machine": [], "gpu": [], "prover": []}
    for clause in requirements.clauses:
        of_group[KEYS[clause.key].group].append(clause)
    return (
        *_unmet_gpus(of_group["gpu"], candidates(capability, "gpu")),
        *_unmet_by(of_group["machine"], candidates(capability, "machine"), 1),
        *_unmet_by(of_group["prover"], candidates(capability, "prover"), 1),
    )


def _unmet_gpus(clauses: Sequence[Clause], gpus: Sequence[Candidate]) -> list[Unmet]:
    counts = [clause for clause in clauses if clause.key == GPU_COUNT]
    filters = [clause for clause in clauses if clause.key != GPU_COUNT]
    meeting = len(_meeting(filters, gpus))
    least = 1 if filters else 0
    if meeting >= least and all(count.holds(meeting) for count in counts):
        return []
    enough = (number for number in range(least, MAX_ENTRIES + 1) if all(count.holds(number) for count in counts))
    needed = next(enough, None)
    failing = [_miscounted(count, meeting) for count in counts if not count.holds(meeting)]
    if needed is None:  # the clauses contradict each other
        return failing or _unmet_by(filters, gpus, 1)
    if meeting >= needed:
        return failing
    too_few = [count for count in counts if len(gpus) < needed and not count.holds(len(gpus))]
    by_filter = _unmet_by(filters, gpus, max(1, min(needed, len(gpus))))
    return [*(_miscounted(count, len(gpus)) for count in too_few), *by_filter]


def _miscounted(clause: Clause, number: int) -> Unmet:
    found = f"{number or 'no'} GPU{'' if number == 1 else 's'}"
    change = clause.loosened(number) if number else None
    return Unmet(clause.key, str(clause), found, _advice(clause, change), clause.gap(number))


def _unmet_by(clauses: Sequence[Clause], found: Sequence[Candidate], needed: int) -> list[Unmet]:
    """The clauses that fewer than `needed` candidates meet, each by itself or else all together."""
    if not clauses:
        return []
    alone = [clause for clause in clauses if len(_meeting([clause], found)) < needed]
    if alone:
        return [_unmet_alone(clause, found, needed) for clause in alone]
    if len(_meeting(clauses, found)) < needed:
        return [_unmet_together(clauses, found, needed)]
    return []


def _unmet_alone(clause: Clause, found: Sequence[Candidate], needed: int) -> Unmet:
    change, gap = _nearest(clause, found, needed)
    return Unmet(clause.key, str(clause), _shown(clause, found), _advice(clause, change), gap)


def _unmet_together(clauses: Sequence[Clause], found: Sequence[Candidate], needed: int) -> Unmet:
    """Each clause has enough candidates, but not enough candidates have all: loosening one of them may help."""
    wanted = " ".join(str(clause) for clause in clauses)
    noun = _NOUNS[KEYS[clauses[0].key].group]
    text = f"{len(_meeting(clauses, found)) or 'no'} {noun} with all of these"
    ways = []
    for clause in clauses:
        rest = _meeting([other for other in clauses if other is not clause], found)
        if len(rest) >= needed:
            change, gap = _nearest(clause, rest, needed)
            ways.append((gap, _advice(clause, change)))
    gap, advice = min(ways, default=(1.0, f"Drop all of {wanted} but {clauses[0]}."))
    return Unmet(clauses[0].key, wanted, text, advice, gap)


def _nearest(clause: Clause, found: Sequence[Candidate], needed: int) -> tuple[Clause | None, float]:
    """The clause loosened until `needed` candidates meet it (None: it has to go), and how far that is."""
    values = sorted((one.get(clause.key) for one in found), key=clause.gap)[:needed]
    if len(values) < needed:
        return None, 1.0
    change: Clause | None = clause
    for value in values:
        change = change.loosened(value) if change else None
    return change, clause.gap(values[-1])


def _meeting(clauses: Sequence[Clause], found: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in found if all(clause.holds(one.get(clause.key)) for clause in clauses)]


def _shown(clause: Clause, found: Sequence[Candidate]) -> str:
    kind, group = KEYS[clause.key].kind, KEYS[clause.key].group
    values = [kind.show(value) for one in found if (value := one.get(clause.key)) is not None]
    if not values:
        return f"no {_NOUNS[group]}" if not found and group == "gpu" else "none"
    distinct = list(dict.fromkeys(values))
    listed = ", ".join(distinct[:_SHOWN]) + (", ..." if len(distinct) > _SHOWN else "")
    if len(values) == 1:
        return listed
    return f"{listed} ({len(_meeting([clause], found))} of {len(values)} meet it)"


def _advice(clause: Clause, change: Clause | None) -> str:
    return f"Loosen {clause} to {change}." if change else f"Drop {clause}."
