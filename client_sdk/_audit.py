"""What looking at claims came to, and how much it says. Pure, and light: the looking itself is in `_auditing`.

A light audit draws elements at random, with repetition, as auditors of outsourced storage draw blocks. The probability that
`n` draws meet at least one of a wrong share `f` is `1 - (1 - f)^n`: G. Ateniese et al., "Provable Data Possession at Untrusted
Stores", CCS 2007, whose P_X is bounded by it from below. It holds for a claimer that cannot foresee the draws, so the seed must
be new after the claim; and only for what was committed: a claimer may still withhold a part that was not drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from tallystick.errors import InputError
from tallystick.ids import Address, JobId

DEFAULT_ELEMENTS = 200
"""Meets one wrong element in 67 with a probability of 95 %."""

FindingKind = Literal["element", "output", "header", "padding", "whole", "withheld"]


@dataclass(frozen=True)
class AuditFinding:
    """Something of a claim that is wrong, or that was not shown.

    Attributes:
        step, element: Where; None where the kind has no such place.
        computed, claimed: What the step gives, and what the trace has; None for kinds other than `element`.
        text: For people.
    """

    kind: FindingKind
    step: int | None
    text: str
    element: int | None = None
    computed: int | None = None
    claimed: int | None = None


@dataclass(frozen=True)
class ClaimAudit:
    """What looking at one claim came to.

    Attributes:
        final_at: Until this second a fault can be shown.
        is_full: Whether everything was computed again; otherwise `drawn` elements were looked at.
        seed: That the draws came from, 0x and hex digits: with it anybody draws the same. Empty for a full one.
        step_sizes: Elements of each step.
        findings: Empty where nothing that was looked at is wrong.
    """

    job_id: JobId
    milestone: int
    operator: Address
    final_at: int
    is_full: bool
    drawn: int
    seed: str
    step_sizes: tuple[int, ...]
    findings: tuple[AuditFinding, ...]

    @property
    def is_clean(self) -> bool:
        return not self.findings

    @property
    def population(self) -> int:
        """Elements of all steps."""
        return sum(self.step_sizes)

    def confidence(self, share: float) -> float:
        """The probability that this audit meets a wrong element where a `share` (0..1) of all is wrong: `1 - (1 - f)^n`.

        See the module for where it comes from. A full audit meets every one.
        """
        if not 0 <= share <= 1:
            raise InputError(f"A share is between 0 and 1, not {share}.")
        if self.is_full:
            return 1.0 if share > 0 else 0.0
        return 1.0 - (1.0 - share) ** self.drawn

    def share_found_with(self, probability: float) -> float:
        """The smallest wrong share that this audit meets with at least this probability: `1 - (1 - p)^(1 / n)`."""
        _check_probability(probability)
        return 1 / self.population if self.is_full else 1.0 - (1.0 - probability) ** (1.0 / self.drawn)

    def steps_found_with(self, probability: float) -> float:
        """The share of steps (0..1) that, were all their elements wrong, this audit meets with at least this probability.

        A step of few elements is seldom drawn: of one with a share `f` of all elements, `1 - (1 - f)^n` as well.
        """
        _check_probability(probability)
        met = sum(self.confidence(size / self.population) >= probability for size in self.step_sizes)
        return met / len(self.step_sizes)

    def advice(self) -> str:
        """The exact next command, in a sentence."""
        if self.is_clean and self.is_full:
            return f"Every element is what the program gives. Wait for it: tallystick job watch {self.job_id}"
        if self.is_clean:
            return f"Nothing that was looked at is wrong. Look at all of it: tallystick job audit {self.job_id} --full"
        return f"Show it before {self.final_at}, and earn a share: tallystick challenger check {self.job_id} --prove"

    def values(self) -> dict[str, Any]:
        """Plain values, for programs."""
        return {
            "job_id": self.job_id,
            "milestone": self.milestone,
            "operator": self.operator,
            "final_at": self.final_at,
            "full": self.is_full,
            "clean": self.is_clean,
            "drawn": self.drawn,
            "population": self.population,
            "seed": self.seed,
            "share_found_with_95": self.share_found_with(0.95),
            "steps_found_with_95": self.steps_found_with(0.95),
            "findings": [vars(finding) for finding in self.findings],
        }


def _check_probability(probability: float) -> None:
    if not 0 < probability < 1 or math.isnan(probability):
        raise InputError(f"A probability is between 0 and 1, not {probability}.")
