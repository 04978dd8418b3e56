// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {
    Assignment,
    Funding,
    JobId,
    JobOrder,
    JobTerms,
    SignedOrder,
    TokenPermit
} from "../../../contracts/types/JobTypes.sol";

import {Permit2Lib} from "../Permit2Lib.sol";
import {Acting} from "./Acting.sol";
import {Dice} from "./Dice.sol";
import {Expected, SignedOffer} from "./MarketTypes.sol";
import {TypedData} from "./TypedData.sol";

/// @notice What people sign: permits, assignments, orders. Everything is hashed here by the book of EIP-712.
abstract contract Signing is Acting {
    function _sign(address who, bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[who], digest);
        return abi.encodePacked(r, s, v);
    }

    function _permit(address token, address owner, address spender, uint256 amount)
        internal
        view
        returns (TokenPermit memory permit)
    {
        permit.deadline = clock + 1;
        uint256 nonce = IERC20Permit(token).nonces(owner);
        bytes32 message = TypedData.hashPermit(owner, spender, amount, nonce, permit.deadline);
        bytes32 digest = TypedData.digest(IERC20Permit(token).DOMAIN_SEPARATOR(), message);
        (permit.v, permit.r, permit.s) = vm.sign(keyOf[owner], digest);
    }

    /// @notice A thief has seen the permit and uses it before its owner's call arrives.
    function _usePermit(address token, address owner, address spender, uint256 amount, TokenPermit memory permit)
        internal
    {
        vm.prank(thieves[0]);
        IERC20Permit(token).permit(owner, spender, amount, permit.deadline, permit.v, permit.r, permit.s);
    }

    /// @notice An assignment of the job's opening that is right, or wrong in one of the ways in which one can be;
    /// whether it should be taken is the third answer. INVARIANT 35: it serves one opening, one operator, until its
    /// last second.
    function _assignment(uint256 number, JobTerms memory terms, address operator, Dice memory dice)
        internal
        view
        returns (Assignment memory assignment, bytes memory signature, bool valid)
    {
        if (terms.dispatcher == address(0)) return (assignment, "", false);
        Expected storage job = jobs[number];
        assignment = Assignment(job.id, operator, job.round, uint64(clock));
        uint256 flaw = dice.roll(30);
        if (flaw == 0) return (assignment, "", false);
        if (flaw == 1) assignment.round -= 1; // a valid one, of the opening before
        if (flaw == 2) assignment.expiresAt -= 1;
        if (flaw == 3) assignment.operator = operators[4];
        if (flaw == 4) assignment.jobId = jobs[0].id;
        valid = assignment.round == job.round && assignment.expiresAt >= clock && assignment.operator == operator
            && JobId.unwrap(assignment.jobId) == JobId.unwrap(job.id) && flaw != 5;
        signature =
            _sign(flaw == 5 ? thieves[0] : terms.dispatcher, TypedData.digest(jobDomain, TypedData.hash(assignment)));
    }

    /// @notice The order as its creator signed it.
    function _signedOrder(SignedOffer storage offer) internal view returns (SignedOrder memory signed) {
        (, signed.order.terms) = _newTerms(offer.seed, offer.funding != Funding.Allowance);
        signed.order.nonce = offer.nonce;
        signed.order.startsAt = offer.startsAt;
        signed.order.expiresAt = offer.expiresAt;
        signed.funding = offer.funding;
        signed.signature = _orderSignature(signed.order, offer.funding, signed.order.terms.creator);
    }

    function _orderSignature(JobOrder memory order, Funding funding, address signer)
        internal
        view
        returns (bytes memory)
    {
        if (funding != Funding.Permit2) return _sign(signer, TypedData.digest(jobDomain, TypedData.hash(order)));
        bytes32 domain = TypedData.permit2Domain(block.chainid, Permit2Lib.PERMIT2);
        return _sign(signer, TypedData.digest(domain, TypedData.hashPermit2(order, address(escrow))));
    }
}
