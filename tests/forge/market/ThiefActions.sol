// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "../../../contracts/interfaces/IMilestoneSettlement.sol";
import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {IStakeManager} from "../../../contracts/interfaces/IStakeManager.sol";
import {IVerifierRouter} from "../../../contracts/interfaces/IVerifierRouter.sol";
import {MockJudge} from "../../../contracts/mocks/MockJudge.sol";
import {Assignment, JobStatus, JobTerms, ProofKind} from "../../../contracts/types/JobTypes.sol";
import {SlashDivision} from "../../../contracts/types/ParameterTypes.sol";

import {ClosingActions} from "./ClosingActions.sol";
import {Dice} from "./Dice.sol";
import {Want} from "./MarketTypes.sol";

/// @notice What nobody may do, tried on whatever state the others have brought about. Every call here must be refused.
abstract contract ThiefActions is ClosingActions {
    /// @dev Calls that only another contract may make, by a thief and by people who hold a part in the job.
    function callInside(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _find(Want.Live, dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        address operator = jobs[number].operator;
        address caller = dice.chance(3) ? terms.creator : dice.chance(3) ? _one(operators, dice) : _one(thieves, dice);
        uint16 milestone = jobs[number].next;
        uint96 lock = terms.stakeLock;
        bytes[4] memory ofStakes = [
            abi.encodeCall(IStakeManager.lock, (caller, caller, lock)),
            abi.encodeCall(IStakeManager.release, (operator, lock, 0)),
            abi.encodeCall(
                IStakeManager.slash, (jobs[number].id, operator, lock, SlashDivision(caller, caller, lock, 0, 0, 0))
            ),
            abi.encodeCall(IStakeManager.payBounty, (jobs[number].id, caller, 1))
        ];
        bytes[3] memory ofEscrow = [
            abi.encodeCall(IJobEscrow.claimMilestone, (terms, milestone, operator, bytes32(0), bytes32(0))),
            abi.encodeCall(IJobEscrow.payMilestone, (terms)),
            abi.encodeCall(IJobEscrow.faultMilestone, (terms, jobs[number].paid, caller))
        ];
        for (uint256 i = 0; i < ofStakes.length; ++i) {
            _mustFail(caller, address(stakes), ofStakes[i], "02: only the escrow moves stake");
        }
        for (uint256 i = 0; i < ofEscrow.length; ++i) {
            _mustFail(caller, address(escrow), ofEscrow[i], "10: only the settlement has a milestone paid");
        }
        _count("call inside", false);
    }

    /// @dev Claims that stand, right or wrong, and jobs that are not late: nothing but the judge and the clock slashes.
    function slashHonest(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _find(Want.Assigned, dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        address caller = _anyone(dice);
        string memory claim = "26: an honest claim is not slashed";
        for (uint16 m = jobs[number].paid; m <= jobs[number].next; ++m) {
            bytes memory fault = abi.encodeCall(MockJudge.proveFault, (settlement, terms, m));
            bool isJudged = terms.proofKind == ProofKind.Optimistic;
            _mustFail(caller, address(judges[isJudged ? 1 - (_numberOf(terms) - 2) : dice.roll(2)]), fault, claim);
            fault = abi.encodeCall(IMilestoneSettlement.fault, (terms, m, caller));
            _mustFail(caller, address(settlement), fault, claim);
        }
        bytes memory call = abi.encodeCall(IJobEscrow.expire, (terms));
        if (!_isLate(jobs[number])) {
            _mustFail(caller, address(escrow), call, "08: no operator is slashed while it may still claim");
        }
        _count("slash honest", false);
        _checkJob(number);
    }

    /// @dev Everything that there is to do with a job, once it is over.
    function wakeEnded(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _find(Want.Ended, dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        Assignment memory none;
        string memory claim = "12: a job that is over never changes";
        bytes[6] memory ofEscrow = [
            abi.encodeCall(IJobEscrow.createJob, (terms)),
            abi.encodeCall(IJobEscrow.accept, (terms, operators[4], none, "")),
            abi.encodeCall(IJobEscrow.cancel, (terms)),
            abi.encodeCall(IJobEscrow.refund, (terms)),
            abi.encodeCall(IJobEscrow.expire, (terms)),
            abi.encodeCall(IJobEscrow.releaseEarly, (terms))
        ];
        for (uint256 i = 0; i < ofEscrow.length; ++i) {
            _mustFail(i == 1 ? operators[4] : terms.creator, address(escrow), ofEscrow[i], claim);
        }
        bytes memory call = abi.encodeCall(IMilestoneSettlement.finalize, (terms));
        _mustFail(_anyone(dice), address(settlement), call, claim);
        call = abi.encodeCall(IMilestoneSettlement.claim, (terms, _rightClaim(number, terms, dice)));
        _mustFail(_one(operators, dice), address(settlement), call, claim);
        _count("wake ended", false);
        _checkJob(number);
    }

    /// @dev Terms of a live job with one word changed are another job, which nobody has paid for.
    function changeTerms(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _find(Want.Live, dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        uint256 change = dice.roll(5);
        address thief = _thief(dice);
        if (change == 0) terms.creator = thief;
        if (change == 1) terms.stakeLock = 1;
        if (change == 2) terms.minPrice = terms.minPrice == terms.maxPrice ? terms.minPrice - 1 : terms.maxPrice;
        if (change == 3) terms.challengeSeconds += 1;
        if (change == 4) terms.paymentToken = tokens[0] == terms.paymentToken ? tokens[4] : tokens[0];
        string memory claim = "36: a job is the terms that its creator paid for";
        bytes[5] memory ofEscrow = [
            abi.encodeCall(IJobEscrow.cancel, (terms)),
            abi.encodeCall(IJobEscrow.refund, (terms)),
            abi.encodeCall(IJobEscrow.expire, (terms)),
            abi.encodeCall(IJobEscrow.releaseEarly, (terms)),
            abi.encodeCall(IJobEscrow.priceOf, (terms))
        ];
        for (uint256 i = 0; i < ofEscrow.length; ++i) {
            _mustFail(terms.creator, address(escrow), ofEscrow[i], claim);
        }
        _count("change terms", false);
        _checkJob(number);
    }

    /// @dev Any one bit of a call that would be obeyed, anywhere in its terms: in a word, in a length, in an offset, or
    /// where no type has bits. The contracts hash words as they lie, so this is where a second spelling would show.
    function changeBit(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(dice.chance(2) ? Want.Open : Want.Late, Want.Open, dice);
        JobTerms memory terms = _terms(number);
        bool open = jobs[number].status == JobStatus.Open;
        bytes memory call = abi.encodeCall(IJobEscrow.expire, (terms));
        if (open) call = abi.encodeCall(IJobEscrow.cancel, (terms));
        uint256 bit = dice.roll((call.length - 4) * 8);
        call[4 + bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        _mustFail(terms.creator, address(escrow), call, "36: a job is every bit of its terms");
        _count("change bit", false);
    }

    function seizePower(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address caller = dice.chance(3) ? guardian : _one(thieves, dice);
        bytes[4] memory calls = [
            abi.encodeCall(IProtocolParameters.setEconomy, (_firstEconomy())),
            abi.encodeCall(IProtocolParameters.setEntryRules, (_firstRules())),
            abi.encodeCall(IProtocolParameters.resumeNewJobs, ()),
            abi.encodeCall(IProtocolParameters.pauseNewJobs, ())
        ];
        for (uint256 i = 0; i < (caller == guardian ? 3 : 4); ++i) {
            _mustFail(caller, address(parameters), calls[i], "16: only the governor changes a parameter");
        }
        bytes memory add = abi.encodeCall(IVerifierRouter.addAdapter, (ProofKind.Zk, address(judges[0]), 1));
        _mustFail(caller, address(router), add, "04: only the governor adds an adapter");
        add = abi.encodeCall(IVerifierRouter.addAdapter, (ProofKind.Zk, address(adapter), GAS_CAP + 1));
        _mustFail(governor, address(router), add, "04: an adapter keeps its gas cap for ever");
        mustEqual(router.gasCapOf(ProofKind.Zk, address(adapter)), GAS_CAP, "04: a gas cap never changes");
        _count("seize power", false);
    }
}
