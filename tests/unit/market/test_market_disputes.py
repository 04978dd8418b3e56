"""Disputes in the contracts' form. That the contracts compute the same, tests/integration/chain shows."""

import pytest
from market_samples import word

from tallystick.ids import raw
from tallystick.market.disputes import (
    ClaimRef,
    DemandPoint,
    claim_ref_tuple,
    commitment_digest,
    demand_id_of,
    demand_tuple,
)

KEY = word(1)
WHOLE = DemandPoint(list=2, of_list=False, tensor=7, count=0, height=0, index=0, node=word(2))
CHALLENGER = "0x" + "11" * 20


def test_claim_ref_tuple_when_spelled_for_the_contract_has_its_order():
    claim = ClaimRef(milestone=3, input_root=word(4), output_root=word(5), trace_root=word(6))
    assert claim_ref_tuple(claim) == (3, raw(word(4)), raw(word(5)), raw(word(6)))


@pytest.mark.parametrize("change", [{"list": 1}, {"of_list": True}, {"tensor": 8}, {"count": 2}, {"node": word(3)}])
def test_demand_id_of_when_anything_differs_is_another(change):
    assert demand_id_of(KEY, WHOLE.model_copy(update=change)) != demand_id_of(KEY, WHOLE)


def test_demand_id_of_when_asked_of_another_claim_is_another():
    assert demand_id_of(word(9), WHOLE) != demand_id_of(KEY, WHOLE)


def test_demand_tuple_when_spelled_for_the_contract_has_raw_bytes():
    assert demand_tuple(WHOLE)[:6] == (2, False, 7, 0, 0, 0)
    assert len(demand_tuple(WHOLE)[6]) == 32


def test_is_tensor_root_when_a_node_below_is_asked_for_is_false():
    assert WHOLE.is_tensor_root
    assert not WHOLE.model_copy(update={"count": 300, "height": 2}).is_tensor_root
    assert not WHOLE.model_copy(update={"of_list": True}).is_tensor_root


@pytest.mark.parametrize(
    "other",
    [(b"w2", CHALLENGER, bytes(32)), (b"w", "0x" + "22" * 20, bytes(32)), (b"w", CHALLENGER, b"\1" * 32)],
    ids=["another witness", "another challenger", "another salt"],
)
def test_commitment_digest_when_anything_differs_is_another(other):
    assert commitment_digest(*other) != commitment_digest(b"w", CHALLENGER, bytes(32))
