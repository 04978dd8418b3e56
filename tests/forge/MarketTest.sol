// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForgeTest} from "./ForgeTest.sol";
import {MarketHandler} from "./market/MarketHandler.sol";

/// @notice The campaign over the whole market: creators, operators, agents, finders, challengers, dispatchers, a
/// governor, a guardian, thieves, a ring that works for one purse, and tokens and receivers that call back.
/// @dev One `invariant_` function, because forge plays a campaign for each of them, with the same calls.
contract MarketTest is ForgeTest {
    MarketHandler private market;

    function setUp() public {
        market = new MarketHandler(1);
        targetContract(address(market));
        targetSelector(address(market), market.actions());
    }

    function invariant_market() public {
        market.check();
    }

    /// @dev INVARIANT 11: at the end of every run.
    function afterInvariant() public {
        market.drain();
    }
}
