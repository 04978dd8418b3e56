"""Calls: to the right contract, with the right words."""

import pytest
from chain_samples import AGENT, CONTRACTS, DEPLOYMENT, OPERATOR, address
from eth_abi import decode
from market_samples import JOB, make_spec, make_terms, word

from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import MarketCalls
from tallystick.errors import TermsError
from tallystick.ids import raw
from tallystick.market.claims import Claim, claim_tuple, spec_tuple
from tallystick.market.disputes import ClaimRef, DemandPoint, claim_ref_tuple, demand_tuple
from tallystick.market.orders import Funding, JobOrder, SignedOrder, signed_order_tuple
from tallystick.market.permits import TokenPermit, token_permit_tuple
from tallystick.market.terms import NO_ASSIGNMENT, Assignment, assignment_tuple, job_id_of, terms_tuple

CALLS = MarketCalls(DEPLOYMENT)
TERMS = make_terms()
TOKEN = address(0xA1)
ASSIGNMENT = Assignment(job_id=JOB, operator=OPERATOR, round=1, expires_at=9)
CLAIM = Claim(
    milestone=1, input_root=word(1), input_proof=(word(2),), output_root=word(3), manifest=word(4), proof=b"p"
)
OTHER = make_terms(salt=2)
PERMIT = TokenPermit(deadline=9, v=27, r=word(5), s=word(6))
CLAIMED = ClaimRef(milestone=1, input_root=word(1), output_root=word(3), trace_root=word(5))
POINT = DemandPoint(list=2, of_list=False, tensor=7, count=300, height=2, index=5, node=word(6))
ORDER = SignedOrder(
    order=JobOrder(terms=TERMS, nonce=3, starts_at=10, expires_at=20),
    funding=Funding.PERMIT,
    signature=b"sig",
    permit=PERMIT,
)

HELD, REF, ASKED = terms_tuple(TERMS), claim_ref_tuple(CLAIMED), demand_tuple(POINT)
CASES = {
    "prove_fault": (CALLS.prove_fault(TERMS, CLAIMED, b"w"), "TraceDispute", "proveFault", [HELD, REF, b"w"]),
    "commit_fault": (CALLS.commit_fault(TERMS, 1, word(7)), "TraceDispute", "commit", [HELD, 1, raw(word(7))]),
    "prove_fault_committed": (
        CALLS.prove_fault_committed(TERMS, CLAIMED, b"w", b"s" * 32),
        "TraceDispute",
        "proveFaultCommitted",
        [HELD, REF, b"w", b"s" * 32],
    ),
    "demand": (CALLS.demand(TERMS, CLAIMED, POINT, b"e", 9), "TraceDemands", "demand", [HELD, REF, ASKED, b"e"]),
    "show": (CALLS.show(TERMS, 1, POINT, b"a"), "TraceDemands", "answer", [HELD, 1, ASKED, b"a"]),
    "fault_unanswered": (CALLS.fault_unanswered(TERMS, 1, POINT), "TraceDemands", "faultUnanswered", [HELD, 1, ASKED]),
    "give_back": (
        CALLS.give_back(JOB, 1, word(8), POINT),
        "TraceDemands",
        "giveBack",
        [raw(JOB), 1, raw(word(8)), ASKED],
    ),
    "withdraw_demand_fees": (CALLS.withdraw_demand_fees(OPERATOR), "TraceDemands", "withdraw", [OPERATOR]),
    "create_job": (CALLS.create_job(TERMS), "JobEscrow", "createJob", [terms_tuple(TERMS)]),
    "create_job_with_permit": (
        CALLS.create_job_with_permit(TERMS, PERMIT),
        "JobEscrow",
        "createJobWithPermit",
        [terms_tuple(TERMS), token_permit_tuple(PERMIT)],
    ),
    "post_order": (CALLS.post_order(ORDER), "JobEscrow", "postOrder", [signed_order_tuple(ORDER)]),
    "accept_order": (
        CALLS.accept_order(ORDER, OPERATOR, ASSIGNMENT, b"sig"),
        "JobEscrow",
        "acceptOrder",
        [signed_order_tuple(ORDER), OPERATOR, assignment_tuple(ASSIGNMENT), b"sig"],
    ),
    "accept_order directly": (
        CALLS.accept_order(ORDER, OPERATOR),
        "JobEscrow",
        "acceptOrder",
        [signed_order_tuple(ORDER), OPERATOR, assignment_tuple(NO_ASSIGNMENT), b""],
    ),
    "cancel_orders": (CALLS.cancel_orders(7, 2**255 + 1), "JobEscrow", "cancelOrders", [7, 2**255 + 1]),
    "accept": (
        CALLS.accept(TERMS, OPERATOR, ASSIGNMENT, b"sig"),
        "JobEscrow",
        "accept",
        [terms_tuple(TERMS), OPERATOR, assignment_tuple(ASSIGNMENT), b"sig"],
    ),
    "accept directly": (
        CALLS.accept(TERMS, OPERATOR),
        "JobEscrow",
        "accept",
        [terms_tuple(TERMS), OPERATOR, assignment_tuple(NO_ASSIGNMENT), b""],
    ),
    "cancel": (CALLS.cancel(TERMS), "JobEscrow", "cancel", [terms_tuple(TERMS)]),
    "refund": (CALLS.refund(TERMS), "JobEscrow", "refund", [terms_tuple(TERMS)]),
    "expire": (CALLS.expire(TERMS), "JobEscrow", "expire", [terms_tuple(TERMS)]),
    "expire_many": (
        CALLS.expire_many([TERMS, OTHER]),
        "JobEscrow",
        "expireMany",
        [[terms_tuple(TERMS), terms_tuple(OTHER)]],
    ),
    "release_early": (CALLS.release_early(TERMS), "JobEscrow", "releaseEarly", [terms_tuple(TERMS)]),
    "claim_many": (
        CALLS.claim_many([(TERMS, [CLAIM]), (OTHER, [CLAIM, CLAIM])]),
        "MilestoneSettlement",
        "claimMany",
        [[(terms_tuple(TERMS), [claim_tuple(CLAIM)]), (terms_tuple(OTHER), [claim_tuple(CLAIM)] * 2)]],
    ),
    "finalize": (CALLS.finalize(TERMS), "MilestoneSettlement", "finalize", [terms_tuple(TERMS)]),
    "finalize_many": (
        CALLS.finalize_many([TERMS, OTHER]),
        "MilestoneSettlement",
        "finalizeMany",
        [[terms_tuple(TERMS), terms_tuple(OTHER)]],
    ),
    "withdraw": (CALLS.withdraw(TOKEN, OPERATOR), "JobEscrow", "withdraw", [TOKEN, OPERATOR]),
    "claim": (CALLS.claim(TERMS, CLAIM), "MilestoneSettlement", "claim", [terms_tuple(TERMS), claim_tuple(CLAIM)]),
    "withdraw_reward": (CALLS.withdraw_reward(OPERATOR), "StakeManager", "withdrawReward", [OPERATOR]),
    "deposit_stake": (CALLS.deposit_stake(OPERATOR, 5), "StakeManager", "deposit", [OPERATOR, 5]),
    "deposit_stake_with_permit": (
        CALLS.deposit_stake_with_permit(OPERATOR, 5, PERMIT),
        "StakeManager",
        "depositWithPermit",
        [OPERATOR, 5, token_permit_tuple(PERMIT)],
    ),
    "cancel_unbond": (CALLS.cancel_unbond(), "StakeManager", "cancelUnbond", []),
    "request_unbond": (CALLS.request_unbond(5), "StakeManager", "requestUnbond", [5]),
    "complete_unbond": (CALLS.complete_unbond(), "StakeManager", "completeUnbond", []),
    "appoint_agent": (CALLS.appoint_agent(AGENT), "StakeManager", "appointAgent", [AGENT]),
    "revoke_agent": (CALLS.revoke_agent(AGENT), "StakeManager", "revokeAgent", [AGENT]),
    "register_model": (CALLS.register_model(make_spec()), "ModelRegistry", "register", [spec_tuple(make_spec())]),
    "register_program": (CALLS.register_program([b"\x07" * 32]), "EzklVerifier", "registerVka", [[b"\x07" * 32]]),
    "approve": (CALLS.approve(TOKEN, OPERATOR, 5), "MockToken", "approve", [OPERATOR, 5]),
    "transfer": (CALLS.transfer(TOKEN, OPERATOR, 5), "MockToken", "transfer", [OPERATOR, 5]),
    "mint_test_token": (CALLS.mint_test_token(TOKEN, OPERATOR, 5), "MockToken", "mint", [OPERATOR, 5]),
}
EACH = pytest.mark.parametrize("name", CASES)
TARGETS = {
    "JobEscrow": CONTRACTS.job_escrow,
    "MilestoneSettlement": CONTRACTS.milestone_settlement,
    "StakeManager": CONTRACTS.stake_manager,
    "ModelRegistry": CONTRACTS.model_registry,
    "EzklVerifier": CONTRACTS.ezkl_verifier,
    "TraceDispute": CONTRACTS.trace_dispute,
    "TraceDemands": CONTRACTS.trace_demands,
    "MockToken": TOKEN,
}


def plain(value):
    """As eth_abi gives it back: tuples, lower-case addresses, plain integers."""
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    return value.lower() if isinstance(value, str) else value


@EACH
def test_market_calls_go_to_the_deployments_contract_with_their_price(name):
    call, contract, _, _ = CASES[name]
    assert (call.to, call.value) == (TARGETS[contract], 9 if name == "demand" else 0)


@EACH
def test_market_calls_encode_function_and_arguments(name):
    call, contract, function_name, arguments = CASES[name]
    function = contract_abi(contract).functions[function_name]
    kinds = [parameter.kind for parameter in function.inputs]
    assert (call.data[:4], plain(decode(kinds, call.data[4:]))) == (function.selector, plain(arguments))


def test_cases_cover_every_method():
    methods = {method for method in vars(MarketCalls) if not method.startswith("_")}
    assert methods - set(CASES) == set()


def test_market_calls_about_a_job_name_it_as_the_deployment_does():
    assert CALLS.expire(TERMS).description == f"expire job {job_id_of(TERMS, DEPLOYMENT.domain())[:10]}.."


WORTHLESS = make_terms(min_price=0, max_price=0)
WORTHLESS_ORDER = ORDER.model_copy(update={"order": ORDER.order.model_copy(update={"terms": WORTHLESS})})


@pytest.mark.parametrize(
    "make",
    [
        lambda: CALLS.create_job(WORTHLESS),
        lambda: CALLS.create_job_with_permit(WORTHLESS, PERMIT),
        lambda: CALLS.post_order(WORTHLESS_ORDER),
        lambda: CALLS.accept_order(WORTHLESS_ORDER, OPERATOR),
    ],
    ids=["create_job", "create_job_with_permit", "post_order", "accept_order"],
)
def test_market_calls_given_terms_that_the_contract_refuses_make_no_call(make):
    with pytest.raises(TermsError, match="maximum price is 0"):
        make()
