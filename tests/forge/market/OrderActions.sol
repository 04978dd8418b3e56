// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {Assignment, Funding, JobTerms, SignedOrder, TokenPermit} from "../../../contracts/types/JobTypes.sol";

import {CreatorActions} from "./CreatorActions.sol";
import {Dice} from "./Dice.sol";
import {SignedOffer} from "./MarketTypes.sol";
import {TypedData} from "./TypedData.sol";

/// @notice Creators sign orders; others submit them, take them, change them, submit them again.
abstract contract OrderActions is CreatorActions {
    /// @dev Few nonces, so that two orders share one now and then.
    uint256 private constant NONCES = 600;

    function signOrder(uint256 seed) external {
        Dice memory dice = _dice(seed);
        SignedOffer storage offer = orders.push();
        offer.funding = Funding(dice.roll(3));
        offer.seed = dice.seed;
        offer.nonce = dice.roll(NONCES);
        offer.startsAt = uint64(clock + dice.roll(120) - 100);
        offer.expiresAt = uint64(clock + dice.roll(3_000));
        _count("sign order", true);
    }

    function postOrder(uint256 seed) external {
        Dice memory dice = _dice(seed);
        (SignedOffer storage offer, SignedOrder memory signed) = _anOrder(dice);
        if (dice.chance(3)) _tryForgeries(signed, dice);
        bytes memory call = abi.encodeCall(IJobEscrow.postOrder, (signed));
        if (!_play("post order", _mayPost(offer, signed), _anyone(dice), address(escrow), call)) return;
        _checkCreated(_posted(offer, signed.order.terms), signed.order.terms);
        _mustFail(signed.order.terms.creator, address(escrow), call, "23: an order is used once");
    }

    function acceptOrder(uint256 seed) external {
        Dice memory dice = _dice(seed);
        (SignedOffer storage offer, SignedOrder memory signed) = _anOrder(dice);
        JobTerms memory terms = signed.order.terms;
        address operator = terms.stakeLock > 2 ** 64 ? operators[4] : _one(operators, dice);
        address caller = _handOf(operator, dice);
        (Assignment memory assignment, bytes memory signature) = _firstAssignment(terms, operator);
        bytes memory call = abi.encodeCall(IJobEscrow.acceptOrder, (signed, operator, assignment, signature));
        bool wanted = _mayPost(offer, signed) && _mayTake(terms, offer.startsAt, operator, caller, signature.length > 0);
        if (!_play("accept order", wanted, caller, address(escrow), call)) return;
        uint256 number = _posted(offer, terms);
        _assign(number, terms, operator);
        _checkJob(number);
        _checkOperator(operator);
    }

    function cancelOrders(uint256 seed) external {
        Dice memory dice = _dice(seed);
        (SignedOffer storage offer, SignedOrder memory signed) = _anOrder(dice);
        uint256 word = offer.nonce / 256;
        uint256 bit = 1 << (offer.nonce % 256);
        bytes memory call = abi.encodeCall(IJobEscrow.cancelOrders, (word, bit));
        // A thief voids nonces of its own, and only those.
        _send(_thief(dice), address(escrow), call);
        bool used = escrow.orderNoncesOf(signed.order.terms.creator, word) & bit != 0;
        mustHold(
            used == isNonceUsed[signed.order.terms.creator][offer.nonce], "23: a nonce is used by its creator only"
        );
        if (dice.chance(2)) return;
        _play("cancel orders", true, signed.order.terms.creator, address(escrow), call);
        isNonceUsed[signed.order.terms.creator][offer.nonce] = true;
        call = abi.encodeCall(IJobEscrow.postOrder, (signed));
        _mustFail(_anyone(dice), address(escrow), call, "23: a cancelled order is void");
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    /// @dev One of the last few, more often one that is not posted yet; now and then with a permit that somebody has
    /// used already, which must change nothing.
    function _anOrder(Dice memory dice) private returns (SignedOffer storage offer, SignedOrder memory signed) {
        vm.assume(orders.length > 0);
        uint256 recent = orders.length < 5 ? orders.length : 5;
        offer = orders[orders.length - 1 - dice.roll(recent)];
        for (uint256 look = 0; look < 4 && offer.job > 0; ++look) {
            offer = orders[orders.length - 1 - dice.roll(recent)];
        }
        signed = _signedOrder(offer);
        if (offer.funding != Funding.Permit) return (offer, signed);
        JobTerms memory terms = signed.order.terms;
        TokenPermit memory permit = _permit(terms.paymentToken, terms.creator, address(escrow), terms.maxPrice);
        if (dice.chance(4)) _usePermit(terms.paymentToken, terms.creator, address(escrow), terms.maxPrice, permit);
        signed.permit = abi.encode(permit);
    }

    function _mayPost(SignedOffer storage offer, SignedOrder memory signed) private view returns (bool) {
        JobTerms memory terms = signed.order.terms;
        if (clock < offer.startsAt || clock > offer.expiresAt || clock > offer.startsAt + terms.acceptSeconds) {
            return false;
        }
        if (isNonceUsed[terms.creator][offer.nonce] || !_mayEnter(terms) || _exists(terms)) return false;
        return offer.funding != Funding.Allowance || _mayPull(terms, address(escrow));
    }

    function _posted(SignedOffer storage offer, JobTerms memory terms) private returns (uint256 number) {
        isNonceUsed[terms.creator][offer.nonce] = true;
        number = _open(terms, _seedOf(offer), offer.startsAt);
        offer.job = number + 1;
    }

    function _seedOf(SignedOffer storage offer) private view returns (uint256 seed) {
        (seed,) = _newTerms(offer.seed, offer.funding != Funding.Allowance);
    }

    function _firstAssignment(JobTerms memory terms, address operator)
        private
        view
        returns (Assignment memory assignment, bytes memory signature)
    {
        if (terms.dispatcher == address(0)) return (assignment, "");
        assignment = Assignment(_idOf(terms), operator, 1, uint64(clock));
        signature = _sign(terms.dispatcher, TypedData.digest(jobDomain, TypedData.hash(assignment)));
    }

    /// @dev What a thief can do with somebody else's signature: put other words under it, or take it elsewhere.
    function _tryForgeries(SignedOrder memory signed, Dice memory dice) private {
        string memory claim = "20: an order is what its creator signed";
        address thief = _thief(dice);
        SignedOrder memory forged = abi.decode(abi.encode(signed), (SignedOrder));
        forged.signature = _orderSignature(forged.order, forged.funding, thief);
        _mustFail(thief, address(escrow), abi.encodeCall(IJobEscrow.postOrder, (forged)), claim);

        forged = abi.decode(abi.encode(signed), (SignedOrder));
        uint256 change = dice.roll(5);
        if (change == 0) forged.order.terms.stakeLock += 1;
        else if (change == 1) forged.order.nonce += 1;
        else if (change == 2) forged.order.expiresAt += 1;
        else if (change == 3) forged.order.startsAt -= 1;
        else forged.order.terms.salt += 1;
        _mustFail(thief, address(escrow), abi.encodeCall(IJobEscrow.postOrder, (forged)), claim);

        // The same words, signed for another contract's domain, or for the other way of funding.
        forged = abi.decode(abi.encode(signed), (SignedOrder));
        bytes32 elsewhere = TypedData.domain("Tallystick", block.chainid + dice.roll(2), address(settlement));
        bytes32 digest = TypedData.digest(elsewhere, TypedData.hash(forged.order));
        if (dice.chance(2)) forged.signature = _sign(forged.order.terms.creator, digest);
        else forged.funding = forged.funding == Funding.Permit2 ? Funding.Allowance : Funding.Permit2;
        _mustFail(thief, address(escrow), abi.encodeCall(IJobEscrow.postOrder, (forged)), claim);
    }
}
