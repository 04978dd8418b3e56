"""Optimistic jobs on a real chain: offered to whoever has a backend, shown with their claims, paid by the keeper."""

from __future__ import annotations

import time
from typing import Any

import pytest
from dispatcher_market import CREATOR, OPERATORS, PRICE, DispatcherMarket, address_of, agent_of, until

from tallystick.hashing import sha256
from tallystick.ids import JobId, bytes32, raw
from tallystick.market.claims import Claim, ModelSpec, model_id_of
from tallystick.market.manifests import ArtifactRef, JobManifest, ProgramManifest, ProgramTensor
from tallystick.market.terms import JobTerms, ProofKind
from tallystick.merkle import milestone_path, milestones_root
from tallystick.storage.manifests import put_manifest
from tallystick.wire.announcement import sign_announcement
from tallystick.wire.api import MAX_WAIT_SECONDS, JobView, Offer
from tallystick.wire.capability import Backend
from tallystick.wire.dispatcher_client import DispatcherClient

pytestmark = pytest.mark.chain

WINDOW = 120
ROOTS = [sha256(b"input 0"), sha256(b"input 1")]


async def fund_program(market: DispatcherMarket, salt: int) -> tuple[JobId, JobTerms]:
    """A job of two milestones for a program whose contents nobody here looks into."""
    artifact = ArtifactRef(cid=market.store.put(b"artifact"), size_bytes=8)
    manifest = ProgramManifest(
        name="program",
        semantics_version=1,
        program=artifact,
        package=artifact,
        inputs=(),
        output=ProgramTensor(name="y", dtype="u8", dims=(1,), held="integers"),
        program_id=bytes32(sha256(b"program hash")),
    )
    contracts = market.reader.deployment.contracts
    spec = ModelSpec(
        proof_kind=ProofKind.OPTIMISTIC,
        semantics_version=1,
        adapter=contracts.trace_dispute,
        program_id=manifest.program_id,
        weights_root=bytes32(bytes(32)),
        manifest=put_manifest(market.store, manifest),
    )
    job_manifest = JobManifest(model_id=model_id_of(spec), inputs=(artifact, artifact))
    _, plain = market._spec_and_terms({})
    terms = plain.model_copy(
        update={
            "salt": salt,
            "model_id": model_id_of(spec),
            "proof_kind": ProofKind.OPTIMISTIC,
            "challenge_seconds": WINDOW,
            "input_root": bytes32(milestones_root(ROOTS)),
            "manifest": put_manifest(market.store, job_manifest),
            "exclusive_seconds": 0,
        }
    )
    payment = market.reader.deployment.tokens.payment
    assert payment is not None
    await market.send(
        CREATOR,
        market.calls.register_model(spec),
        market.calls.mint_test_token(payment, address_of(CREATOR), PRICE),
        market.calls.approve(payment, contracts.job_escrow, PRICE),
        market.calls.create_job(terms),
    )
    return await market.reader.job_id_of(terms), terms


async def announce(market: DispatcherMarket, client: DispatcherClient, name: str, backend: Backend) -> None:
    said = market.announcement(name)
    capability = said.capability.model_copy(update={"provers": (backend,), "max_jobs": 4})
    told = said.model_copy(update={"capability": capability})
    await client.announce(sign_announcement(told, agent_of(name), market.reader.deployment.domain()))


async def claim_all(market: DispatcherMarket, name: str, terms: JobTerms) -> None:
    claims = [
        Claim(
            milestone=milestone,
            input_root=bytes32(ROOTS[milestone]),
            input_proof=tuple(bytes32(node) for node in milestone_path(ROOTS, milestone)),
            output_root=bytes32(sha256(b"output")),
            manifest=bytes32(sha256(b"result")),
            proof=sha256(b"trace root"),
        )
        for milestone in range(2)
    ]
    await market.send(agent_of(name), *(market.calls.claim(terms, claim) for claim in claims))


async def job_when(client: DispatcherClient, job_id: JobId, holds: Any) -> JobView:
    async def look() -> JobView | None:
        view = await client.job(job_id)
        return view if holds(view) else None

    return await until(look)


async def test_program_is_offered_to_a_backend_and_final_claims_are_paid_together(market: DispatcherMarket) -> None:
    await market.equip("alice")
    await market.equip("bob")
    operator = address_of(OPERATORS["alice"])
    async with market.dispatcher(keeper=True) as running, DispatcherClient(running.url) as client:
        await announce(market, client, "bob", Backend(name="ezkl", version="23.0.5"))
        await announce(market, client, "alice", Backend(name="engine-numpy", version="1"))
        jobs = [await fund_program(market, salt) for salt in (time.time_ns() % 2**32, time.time_ns() % 2**32 + 1)]

        async def all_offered() -> list[Offer] | None:
            offers = await client.offers(address_of(agent_of("alice")), wait_seconds=1)
            return offers if len(offers) == len(jobs) else None

        offers = {offer.job_id: offer for offer in await until(all_offered, seconds=MAX_WAIT_SECONDS)}
        for job_id, terms in jobs:
            offer = offers[job_id]
            call = market.calls.accept(terms, operator, offer.assignment, raw(offer.signature))
            await market.send(agent_of("alice"), call)
            await claim_all(market, "alice", terms)

        claimed = [await job_when(client, job_id, lambda view: len(view.claims) == 2) for job_id, _ in jobs]
        assert [view.proof_kind for view in claimed] == ["optimistic", "optimistic"]
        assert all(claim.final_at == claim.claimed_at + WINDOW for view in claimed for claim in view.claims)
        assert "becomes final in" in (await client.why(jobs[0][0])).summary

        market.chain.pass_time(WINDOW + 60)
        paid = [await job_when(client, job_id, lambda view: view.status == "completed") for job_id, _ in jobs]

    assert len({payment.transaction_hash for view in paid for payment in view.payments}) == 1
