// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "../../../contracts/interfaces/IMilestoneSettlement.sol";
import {Claim, ClaimBatch} from "../../../contracts/types/ClaimTypes.sol";
import {Assignment, JobMode, JobTerms, ProofKind} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {Expected, Want} from "./MarketTypes.sol";
import {StakeActions} from "./StakeActions.sol";

/// @notice Operators and their agents take jobs, claim milestones, give jobs back.
abstract contract ExecutorActions is StakeActions {
    function accept(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(dice.chance(8) ? Want.Live : Want.Acceptable, Want.Open, dice);
        JobTerms memory terms = _terms(number);
        // A lock that only one of them can carry goes to that one, most of the time.
        bool tooLarge = terms.stakeLock > 2 ** 64 && !dice.chance(4);
        address operator = tooLarge ? operators[4] : _one(operators, dice);
        address caller = _handOf(operator, dice);
        (Assignment memory assignment, bytes memory signature, bool valid) = _assignment(number, terms, operator, dice);
        bytes memory call = abi.encodeCall(IJobEscrow.accept, (terms, operator, assignment, signature));
        _mustFail(_thief(dice), address(escrow), call, "33: only an operator's own people accept for it");
        bool wanted = _mayAccept(number, terms, operator, caller, valid);
        bool covered = _freeOf(operator) >= terms.stakeLock;
        if (_play(covered ? bytes32("accept") : bytes32("overcommit"), wanted, caller, address(escrow), call)) {
            _assign(number, terms, operator);
            uint256 price = _priceAfter(terms, clock - jobs[number].openedAt);
            mustEqual(escrow.priceOf(terms), price, "32: the price is fixed by the acceptance");
        }
        _checkJob(number);
        _checkOperator(operator);
    }

    function claim(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(dice.chance(8) ? Want.Assigned : Want.Claimable, Want.Assigned, dice);
        JobTerms memory terms = _terms(number);
        Claim memory made = _rightClaim(number, terms, dice);
        bool wrong = terms.proofKind == ProofKind.Optimistic && dice.chance(2);
        address caller = _handOf(jobs[number].operator, dice);
        bytes memory call = abi.encodeCall(IMilestoneSettlement.claim, (terms, made));
        _mustFail(_thief(dice), address(settlement), call, "30: a claim that is copied first is worth nothing");
        bool wanted = _mayClaim(number, caller);
        if (_play(wrong ? bytes32("claim wrongly") : bytes32("claim"), wanted, caller, address(settlement), call)) {
            _claimed(number, terms, made.outputRoot, wrong);
        }
        _checkPaid(number, terms);
    }

    /// @dev Right in all but one thing, by somebody who may claim: nothing of the kind may be paid, or even written
    /// down.
    function claimForged(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _find(Want.Claimable, dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        Claim memory made = _rightClaim(number, terms, dice);
        bool proven = terms.proofKind == ProofKind.Zk;
        uint256 flaw = dice.roll(proven ? 7 : 4);
        if (flaw == 0) made.inputRoot = keccak256(abi.encode(made.inputRoot));
        if (flaw == 1) made.milestone += 1;
        if (flaw == 2) made.proof = dice.chance(2) ? bytes("") : abi.encodePacked(made.proof, uint8(0));
        if (flaw == 3) made.inputProof = new bytes32[](made.inputProof.length + 1);
        if (flaw == 4) made.outputRoot = keccak256(abi.encode(made.outputRoot));
        if (flaw == 5) made.proof = abi.encodePacked(uint8(dice.between(2, 5)), dice.seed);
        if (flaw == 6) made.proof = _proof(terms, jobs[dice.roll(jobs.length)].id, made);
        // Another job's proof, unless chance has picked the job itself.
        if (flaw == 6 && keccak256(made.proof) == keccak256(_proof(terms, jobs[number].id, made))) return;
        bytes memory call = abi.encodeCall(IMilestoneSettlement.claim, (terms, made));
        _mustFail(jobs[number].operator, address(settlement), call, "10: nothing is paid for another statement's proof");
        _count("claim forged", false);
        _checkJob(number);
    }

    /// @dev All or nothing: up to all milestones of up to two jobs of one operator, sometimes with one claim too many.
    function claimMany(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256[] memory numbers = _twoOf(dice);
        address caller = _handOf(jobs[numbers[0]].operator, dice);
        ClaimBatch[] memory batches = new ClaimBatch[](numbers.length);
        bool wanted = true;
        for (uint256 b = 0; b < numbers.length; ++b) {
            Expected storage job = jobs[numbers[b]];
            wanted = wanted && _mayClaim(numbers[b], caller);
            uint256 most = job.count - job.next;
            batches[b] = _batch(numbers[b], dice.chance(2) ? most : dice.between(1, most), dice);
        }
        bytes memory call = abi.encodeCall(IMilestoneSettlement.claimMany, (batches));
        _mustFail(_thief(dice), address(settlement), call, "30: a claim that is copied first is worth nothing");
        if (_play("claim many", wanted, caller, address(settlement), call)) _claimedMany(numbers, batches);
        for (uint256 b = 0; b < numbers.length; ++b) {
            _checkPaid(numbers[b], batches[b].terms);
        }
    }

    function releaseEarly(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(dice.chance(4) ? Want.Assigned : Want.Claimable, Want.Assigned, dice);
        JobTerms memory terms = _terms(number);
        address operator = jobs[number].operator;
        address caller = _handOf(operator, dice);
        bytes memory call = abi.encodeCall(IJobEscrow.releaseEarly, (terms));
        _mustFail(_thief(dice), address(escrow), call, "33: only an operator's own people give its job back");
        bool wanted = _mayRelease(number, caller);
        uint256 quoted = wanted ? escrow.releaseFeeOf(terms) : 0;
        uint96 bounty = jobs[number].bounty;
        if (_play("release early", wanted, caller, address(escrow), call)) {
            _released(number, terms);
            mustEqual(jobs[number].bounty - bounty, quoted, "24: all of a release's fee is bounty");
        }
        _checkJob(number);
        _checkOperator(operator);
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    /// @notice A right claim of the job's next milestone; of its last one where all are claimed.
    function _rightClaim(uint256 number, JobTerms memory terms, Dice memory dice)
        internal
        view
        returns (Claim memory made)
    {
        Expected storage job = jobs[number];
        uint16 milestone = job.next < job.count ? job.next : job.count - 1;
        return _claimAfter(number, terms, milestone, milestone == 0 ? bytes32(0) : outputs[number][milestone - 1], dice);
    }

    /// @param before The output of the milestone before it.
    function _claimAfter(uint256 number, JobTerms memory terms, uint16 milestone, bytes32 before, Dice memory dice)
        private
        view
        returns (Claim memory made)
    {
        if (terms.mode == JobMode.Parallel) {
            made = _parallelClaim(jobs[number].seed, jobs[number].count, milestone);
        } else {
            made.milestone = milestone;
            made.inputRoot = milestone == 0 ? terms.inputRoot : before;
        }
        made.outputRoot = keccak256(abi.encode("output", dice.roll(type(uint256).max)));
        made.manifest = keccak256("result manifest");
        made.proof = _proof(terms, jobs[number].id, made);
    }

    function _batch(uint256 number, uint256 count, Dice memory dice) private view returns (ClaimBatch memory batch) {
        batch.terms = _terms(number);
        batch.claims = new Claim[](count);
        uint16 first = jobs[number].next;
        bytes32 before = first == 0 ? bytes32(0) : outputs[number][first - 1];
        for (uint16 c = 0; c < count; ++c) {
            batch.claims[c] = _claimAfter(number, batch.terms, first + c, before, dice);
            before = batch.claims[c].outputRoot;
        }
    }

    function _claimedMany(uint256[] memory numbers, ClaimBatch[] memory batches) private {
        for (uint256 b = 0; b < numbers.length; ++b) {
            for (uint256 c = 0; c < batches[b].claims.length; ++c) {
                _claimed(numbers[b], batches[b].terms, batches[b].claims[c].outputRoot, false);
            }
        }
    }

    /// @dev One claimable job, and a second one of the same operator where there is one.
    function _twoOf(Dice memory dice) private view returns (uint256[] memory numbers) {
        uint256 first = _find(Want.Claimable, dice.roll(1e6));
        uint256 second = _find(Want.Claimable, dice.roll(1e6));
        bool both = first != second && jobs[first].operator == jobs[second].operator;
        numbers = new uint256[](both ? 2 : 1);
        numbers[0] = first;
        if (both) numbers[1] = second;
    }

    function _checkPaid(uint256 number, JobTerms memory terms) internal view {
        _checkJob(number);
        _checkAccount(terms.paymentToken, terms.creator);
        if (jobs[number].operator != address(0)) {
            mustEqual(
                escrow.creditOf(terms.paymentToken, jobs[number].operator),
                creditOf[terms.paymentToken][jobs[number].operator],
                "09: a credit is what jobs have paid"
            );
        }
        mustEqual(uint256(jobs[number].left) + jobs[number].remaining, terms.maxPrice, "09: parts make the deposit");
    }
}
