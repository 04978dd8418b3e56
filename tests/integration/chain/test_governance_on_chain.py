"""What governance changes, as the reader tells it, and what it cannot."""

import pytest
from governance import GOVERNOR, carry_out, send
from market_scene import address_of

from scripts.deploy import ECONOMY, ENTRY_RULES
from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import Call
from tallystick.errors import RevertError, TermsError
from tallystick.ids import ZERO_ADDRESS

pytestmark = pytest.mark.chain

PARAMETERS = contract_abi("ProtocolParameters").functions


def words(struct):
    return tuple(struct.model_dump().values())


def govern(scene, name, *arguments):
    target = scene.deployment.contracts.protocol_parameters
    carry_out(scene.chain, scene.deployment, target, PARAMETERS[name].encode(*arguments))


async def test_entry_rules_are_what_was_deployed(scene):
    assert (await scene.reader.entry_rules(), await scene.reader.min_lock()) == (ENTRY_RULES, ENTRY_RULES.min_lock)


async def test_economy_of_the_first_version_is_what_was_deployed(scene):
    assert (await scene.reader.economy_version(), await scene.reader.economy_of(1)) == (1, ECONOMY)


async def test_economy_of_a_version_that_never_was_is_refused_by_name(scene):
    with pytest.raises(RevertError) as caught:
        await scene.reader.economy_of(7)
    assert (caught.value.name, caught.value.arguments) == ("ProtocolParameters_UnknownEconomy", {"version": 7})


async def test_job_keeps_the_economy_that_it_was_created_under(scene):
    terms = scene.terms()
    await scene.send("creator", "create", scene.calls.create_job(terms))
    govern(scene, "setEconomy", words(ECONOMY.model_copy(update={"late_slash_bps": 4_000})))
    state = await scene.reader.job_state(scene.job_id(terms))
    assert (await scene.reader.economy_version(), state.economy_version) == (2, 1)


async def test_late_slash_of_the_economy_is_what_expiring_takes(scene):
    terms = scene.terms()
    await scene.send("creator", "create", scene.calls.create_job(terms))
    await scene.send("agent", "accept", scene.calls.accept(terms, address_of("operator")))
    await scene.send("agent", "claim", scene.calls.claim(terms, scene.claim(terms, 0)))
    scene.chain.pass_time(1300)
    receipt = await scene.send("stranger", "expire", scene.calls.expire(terms))
    assert receipt.facts[0].slashed == (await scene.reader.economy_of(1)).late_slash(terms, 1)


async def test_entry_rules_check_refuses_what_the_contract_refuses(scene):
    """The same terms, before and after governance asks for more."""
    terms = scene.terms(stake_lock=ENTRY_RULES.min_lock)
    rules = await scene.reader.entry_rules()
    rules.check(terms, scene.deployment.tokens.stake)
    govern(scene, "setEntryRules", words(rules.model_copy(update={"min_lock": 2 * rules.min_lock})))
    with pytest.raises(TermsError):
        (await scene.reader.entry_rules()).check(terms, scene.deployment.tokens.stake)
    with pytest.raises(RevertError) as caught:
        await scene.send("creator", "create", scene.calls.create_job(terms))
    assert caught.value.arguments == {"reason": "stakeLock: below the minimum lock"}


async def test_pause_by_the_guardian_stops_new_jobs_and_nothing_else(scene):
    running = scene.terms()
    await scene.send("creator", "create", scene.calls.create_job(running))
    before = await scene.reader.new_jobs_paused()
    send(scene.chain, scene.deployment.contracts.protocol_parameters, PARAMETERS["pauseNewJobs"].encode())
    with pytest.raises(RevertError, match="jobs that are there go on") as caught:
        await scene.send("creator", "another", scene.calls.create_job(scene.terms(salt=2)))
    await scene.send("agent", "accept", scene.calls.accept(running, address_of("operator")))
    assert (before, await scene.reader.new_jobs_paused(), caught.value.name) == (
        False,
        True,
        "ProtocolParameters_NewJobsPaused",
    )


@pytest.mark.parametrize(
    ("contract", "name", "arguments"),
    [("VerifierRouter", "addAdapter", (1, ZERO_ADDRESS, 5)), ("ProtocolParameters", "resumeNewJobs", ())],
)
async def test_governor_past_the_timelock_is_refused_by_name(scene, contract, name, arguments):
    """It deployed everything here, and has no power of its own left."""
    places = {
        "VerifierRouter": scene.deployment.contracts.verifier_router,
        "ProtocolParameters": scene.deployment.contracts.protocol_parameters,
    }
    data = contract_abi(contract).functions[name].encode(*arguments)
    with pytest.raises(RevertError) as caught:
        await scene.reader.simulate(Call(to=places[contract], data=data, description=name), sender=GOVERNOR)
    assert (caught.value.name, caught.value.arguments) == ("AccessManagedUnauthorized", {"caller": GOVERNOR})
