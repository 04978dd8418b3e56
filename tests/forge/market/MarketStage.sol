// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {JobEscrow} from "../../../contracts/JobEscrow.sol";
import {MilestoneSettlement} from "../../../contracts/MilestoneSettlement.sol";
import {ModelRegistry} from "../../../contracts/ModelRegistry.sol";
import {ProtocolParameters} from "../../../contracts/ProtocolParameters.sol";
import {StakeManager} from "../../../contracts/StakeManager.sol";
import {VerifierRouter} from "../../../contracts/VerifierRouter.sol";
import {Authority} from "../../../contracts/governance/Authority.sol";
import {MockAdapter} from "../../../contracts/mocks/MockAdapter.sol";
import {MockDispatcher} from "../../../contracts/mocks/MockDispatcher.sol";
import {MockFalseToken} from "../../../contracts/mocks/MockFalseToken.sol";
import {MockJudge} from "../../../contracts/mocks/MockJudge.sol";
import {MockReentrantToken} from "../../../contracts/mocks/MockReentrantToken.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {MockVoidToken} from "../../../contracts/mocks/MockVoidToken.sol";
import {ModelSpec} from "../../../contracts/types/ClaimTypes.sol";
import {ModelId, ProofKind} from "../../../contracts/types/JobTypes.sol";
import {Economy, EntryRules} from "../../../contracts/types/ParameterTypes.sol";

import {ForgeHandler} from "../ForgeHandler.sol";
import {Permit2Lib} from "../Permit2Lib.sol";
import {HookedAccount} from "../hostile/HookedAccount.sol";
import {HookedToken} from "../hostile/HookedToken.sol";

/// @notice The market on a fresh chain, and everybody who will play on it, with more tokens than they can lose.
abstract contract MarketStage is ForgeHandler {
    uint256 internal constant TALLY = 1e18;
    /// @dev Of every token, for everybody: above any sum of deposits, far from overflowing a supply.
    uint256 internal constant PURSE = 2 ** 120;
    uint40 internal constant GAS_CAP = 200_000;
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;

    JobEscrow internal immutable escrow;
    MilestoneSettlement internal immutable settlement;
    StakeManager internal immutable stakes;
    ProtocolParameters internal immutable parameters;
    VerifierRouter internal immutable router;
    MockAdapter internal immutable adapter;
    /// @dev Two judges, so that the one can try to judge the other's models.
    MockJudge[2] internal judges;
    ModelId[4] internal models;
    bytes32[4] internal programs;

    MockToken internal immutable plainToken;
    MockVoidToken internal immutable voidToken;
    MockFalseToken internal immutable falseToken;
    MockReentrantToken internal immutable reentrantToken;
    HookedToken internal immutable stakeToken;
    address[] internal tokens;

    /// @dev 0 to 3 have given the escrow an allowance for good; 4 and 5 pay by signature. 2 is hooked, 3 is of the
    /// ring.
    address[] internal creators;
    /// @dev 2 is hooked, 3 is of the ring, 4 has stake without end.
    address[] internal operators;
    address[] internal agents;
    address[] internal dispatchers;
    /// @dev Call what anyone may call, and look for faults. 0 is of the ring.
    address[] internal finders;
    /// @dev Call what nobody may call. The last of the agents is one of them.
    address[] internal thieves;
    address internal immutable governor;
    address internal immutable guardian;
    address internal immutable passer;
    /// @dev Whoever may end up with tokens, once each.
    address[] internal people;
    HookedAccount internal immutable hookedCreator;
    HookedAccount internal immutable hookedOperator;
    mapping(address account => uint256) internal keyOf;

    uint256 internal constant HOOKED = 2;
    uint256 internal constant RING = 3;
    uint256 internal constant FIRST_SIGNER = 4;

    constructor() {
        vm.warp(1_700_000_000);
        Permit2Lib.install(vm);
        governor = _person("governor");
        guardian = _person("guardian");
        passer = _person("passer-by");
        hookedCreator = new HookedAccount(_person("signer of the hooked creator"));
        hookedOperator = new HookedAccount(_person("signer of the hooked operator"));
        plainToken = new MockToken("Plain", "PLAIN", 6);
        voidToken = new MockVoidToken();
        falseToken = new MockFalseToken();
        reentrantToken = new MockReentrantToken();
        stakeToken = new HookedToken("Tally");
        adapter = new MockAdapter();
        judges = [new MockJudge(), new MockJudge()];

        address settlement_ = _coming(6);
        Authority authority = new Authority(governor, guardian, _coming(2));
        router = new VerifierRouter(address(authority));
        parameters = new ProtocolParameters(address(authority), _firstRules(), _firstEconomy());
        ModelRegistry registry = new ModelRegistry(router);
        stakes = new StakeManager(IERC20(address(stakeToken)), parameters, _coming(1));
        escrow = new JobEscrow(stakes, registry, settlement_);
        settlement = new MilestoneSettlement(escrow);

        _register(registry);
        _cast();
        _fund();
    }

    function _firstRules() internal pure returns (EntryRules memory) {
        return
            EntryRules({minLock: uint96(TALLY), minLockRatioBps: 5_000, minChallengeSeconds: 60, unbondSeconds: 1_000});
    }

    function _firstEconomy() internal pure returns (Economy memory) {
        return Economy(5_000, 1_000, 4_000, 3_000, 4_000, 3_000, 1_000, 100);
    }

    /// @dev Two models that are proven, two that are judged, each by its own judge.
    function _register(ModelRegistry registry) private {
        vm.startPrank(governor);
        router.addAdapter(ProofKind.Zk, address(adapter), GAS_CAP);
        router.addAdapter(ProofKind.Optimistic, address(judges[0]), GAS_CAP);
        router.addAdapter(ProofKind.Optimistic, address(judges[1]), GAS_CAP);
        vm.stopPrank();
        for (uint256 m = 0; m < 4; ++m) {
            programs[m] = keccak256(abi.encode("program", m));
            models[m] = registry.register(
                ModelSpec({
                    schemaVersion: 1,
                    proofKind: m < 2 ? ProofKind.Zk : ProofKind.Optimistic,
                    semanticsVersion: 1,
                    adapter: m < 2 ? address(adapter) : address(judges[m - 2]),
                    programId: programs[m],
                    weightsRoot: 0,
                    manifest: keccak256("model manifest")
                })
            );
        }
    }

    function _cast() private {
        tokens = [
            address(plainToken), address(voidToken), address(falseToken), address(reentrantToken), address(stakeToken)
        ];
        creators = [_person("creator 0"), _person("creator 1"), address(hookedCreator), _person("ring's creator")];
        creators.push(_person("signing creator 4"));
        creators.push(_person("signing creator 5"));
        operators = [_person("operator 0"), _person("operator 1"), address(hookedOperator), _person("ring's operator")];
        operators.push(_person("operator without end"));
        finders = [_person("ring's finder"), _person("finder 1"), _person("finder 2")];
        thieves = [_person("thief 0"), _person("thief 1"), _person("hostile agent")];
        agents = [_person("agent 0"), _person("agent 1"), thieves[2]];
        address dispatcher = _person("dispatcher");
        dispatchers = [dispatcher, address(new MockDispatcher(dispatcher))];
        keyOf[dispatchers[1]] = keyOf[dispatcher];
        keyOf[creators[HOOKED]] = keyOf[_person("signer of the hooked creator")];
        stakeToken.hook(address(hookedCreator));
        stakeToken.hook(address(hookedOperator));

        _introduce(creators);
        _introduce(operators);
        _introduce(finders);
        _introduce(thieves);
        _introduce(dispatchers);
        people.push(passer);
        people.push(BURN);
    }

    function _introduce(address[] storage group) private {
        for (uint256 i = 0; i < group.length; ++i) {
            people.push(group[i]);
        }
    }

    function _fund() private {
        for (uint256 i = 0; i < creators.length; ++i) {
            _openPurse(creators[i], i < FIRST_SIGNER ? address(escrow) : Permit2Lib.PERMIT2);
        }
        for (uint256 i = 0; i < operators.length; ++i) {
            _openPurse(operators[i], address(stakes));
        }
        // Nothing that a thief has is worth more than what it may hope for, and nobody has an allowance of it.
        for (uint256 i = 0; i < thieves.length; ++i) {
            stakeToken.mint(thieves[i], TALLY);
        }
        stakeToken.mint(passer, PURSE);
    }

    function _openPurse(address owner, address spender) private {
        for (uint256 t = 0; t < tokens.length; ++t) {
            MockToken token = MockToken(tokens[t]); // all of them have these two functions
            token.mint(owner, PURSE);
            vm.prank(owner);
            (bool done,) = address(token).call(abi.encodeCall(IERC20.approve, (spender, type(uint256).max)));
            assert(done);
        }
    }

    function _person(string memory name) private returns (address account) {
        uint256 key = uint256(keccak256(bytes(name)));
        account = vm.addr(key);
        keyOf[account] = key;
        vm.label(account, name);
    }

    /// @dev The address of this contract's creation after `steps` more.
    function _coming(uint256 steps) private view returns (address) {
        return vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + steps);
    }
}
