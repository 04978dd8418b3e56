// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForgeTest} from "./ForgeTest.sol";
import {MarketHandler} from "./market/MarketHandler.sol";

/// @notice The same market with fewer attacks between the work, so that more jobs come to the ends of their lives.
/// @dev A test of its own runs on a processor of its own.
contract BusyMarketTest is ForgeTest {
    MarketHandler private market;

    function setUp() public {
        market = new MarketHandler(2);
        targetContract(address(market));
        targetSelector(address(market), market.busyActions());
    }

    function invariant_busy_market() public {
        market.check();
    }

    function afterInvariant() public {
        market.drain();
    }
}
