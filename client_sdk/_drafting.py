"""From a request to published terms: everything is checked, and nothing is signed or paid yet."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from client_sdk._connection import Connection
from client_sdk._engine import needs_engine
from client_sdk._inputs import quantise_milestones
from client_sdk._models import ModelHandle, Models
from client_sdk._request import JobRequest, Surroundings, build_terms, check_texts
from client_sdk._warnings import DispatcherNews, JobWarning, ask_dispatcher, saturation_warnings
from tallystick.chain.views import TokenInfo
from tallystick.errors import InputError, MarketPausedError
from tallystick.ids import Address, Bytes32, bytes32, parse_address, parse_model_id
from tallystick.market.manifests import ArtifactRef, JobManifest, ProgramManifest
from tallystick.market.terms import JobTerms
from tallystick.merkle import milestones_root
from tallystick.storage.manifests import put_manifest
from tallystick.wire.api import QuoteRequest


@dataclass(frozen=True)
class MilestoneInput:
    """What one milestone is computed from: its root, 32 bytes, and its artifact's content."""

    root: bytes
    content: bytes


@dataclass(frozen=True)
class Work:
    """A request whose inputs were checked."""

    model: ModelHandle
    milestones: tuple[MilestoneInput, ...]
    input_root: Bytes32
    token: TokenInfo
    warnings: tuple[JobWarning, ...] = ()


class Drafting:
    def __init__(self, connection: Connection, models: Models) -> None:
        self._connection = connection
        self._models = models

    async def check(self, request: JobRequest) -> Work:
        """The request's work. Raises RequirementError, TensorError, ModelError, ArtifactError, InputError."""
        check_texts(request)
        model = request.model
        if not isinstance(model, ModelHandle):
            model = await self._models.get(parse_model_id(model))
        milestones, warnings = await self._milestones(request, model)
        root = bytes32(milestones_root([one.root for one in milestones]))
        token = await self._connection.reader.token(self._token_of(request))
        return Work(model, milestones, root, token, warnings)

    async def _milestones(
        self, request: JobRequest, model: ModelHandle
    ) -> tuple[tuple[MilestoneInput, ...], tuple[JobWarning, ...]]:
        manifest = model.manifest
        if not isinstance(manifest, ProgramManifest):
            tensors = quantise_milestones(request.inputs, manifest.inputs, request.milestones)
            return tuple(MilestoneInput(one.root(), one.encode()) for one in tensors), ()
        # Fetched before it is paid for: nobody could execute what is not there, or not what was registered.
        await self._models.program(model)
        with needs_engine("An Optimistic job"):
            from client_sdk._program_inputs import program_milestones  # noqa: PLC0415  (the engine is an extra)
        sets = await asyncio.to_thread(program_milestones, request.inputs, manifest.inputs, request.milestones)
        warnings = saturation_warnings([one.saturated for one in sets])
        return tuple(MilestoneInput(one.root, one.content) for one in sets), warnings

    def _token_of(self, request: JobRequest) -> Address:
        token = request.payment_token or self._connection.reader.deployment.tokens.payment
        if token is None:
            raise InputError("This deployment has no payment token of its own.", remedy="Name one: payment_token.")
        return parse_address(token)

    async def require_open_market(self) -> None:
        """Raises MarketPausedError while the market takes no new jobs."""
        if await self._connection.reader.new_jobs_paused():
            raise MarketPausedError(
                "New jobs are paused: the market's guardian has stopped them. Nothing was sent.",
                remedy="Try again once the governor has let them in; jobs that are there go on, and so do withdrawals.",
            )

    async def ask(self, request: JobRequest, work: Work) -> DispatcherNews:
        """What the dispatcher says of such a job. Never raises."""
        question = QuoteRequest(
            requirements=request.requirements,
            model_id=work.model.model_id,
            milestones=len(work.milestones),
            payment_token=work.token.address,
        )
        domain = self._connection.reader.deployment.domain()
        return await ask_dispatcher(self._connection.dispatcher, question, domain)

    async def draw_up(self, request: JobRequest, work: Work, dispatcher: Address | None) -> JobTerms:
        """Publishes the inputs and says exactly what is offered.

        Args:
            dispatcher: Who has the first choice; None for nobody.

        Raises:
            InputError, TermsError: see `build_terms`.
        """
        reader = self._connection.reader
        stake = await reader.token(reader.deployment.tokens.stake)
        around = Surroundings(
            creator=self._connection.signer().address,
            payment_token=work.token.address,
            payment_decimals=work.token.decimals,
            stake_token=stake.address,
            stake_decimals=stake.decimals,
            rules=await reader.entry_rules(),
            dispatcher=dispatcher,
        )
        manifest = await asyncio.to_thread(self._publish, request, work)
        return build_terms(
            request,
            around,
            model_id=work.model.model_id,
            proof_kind=work.model.proof_kind,
            input_root=work.input_root,
            manifest=manifest.digest(),
            milestones=len(work.milestones),
            salt=secrets.randbits(64) if request.salt is None else request.salt,
        )

    def _publish(self, request: JobRequest, work: Work) -> JobManifest:
        """The manifest is kept last, so that whoever can read it can read what it names."""
        store = self._connection.store
        contents = [one.content for one in work.milestones]
        manifest = JobManifest(
            model_id=work.model.model_id,
            requirements=request.requirements,
            inputs=tuple(ArtifactRef(cid=store.put(content), size_bytes=len(content)) for content in contents),
            note=request.note,
        )
        put_manifest(store, manifest)
        return manifest
