// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @notice The real Permit2 at the address that it has on every chain.
library Permit2Lib {
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    string internal constant FILE =
        "node_modules/hardhat-predeploy/bin/0x000000000022D473030F116dDEE9F6B43aC78BA3.bytecode";

    /// @dev Who deployed it, and with which salt: with the code's hash these make its address (EIP-1014).
    address internal constant FACTORY = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    bytes32 internal constant SALT = bytes32(uint256(0xd3af2663da51c10215000000));

    error Permit2Lib_OtherCode(address found, address wanted);
    error Permit2Lib_ConstructorFailed(bytes reason);

    /// @notice Puts it there. The package carries creation code, which the address proves to be the real one.
    function install(Vm vm) internal {
        bytes memory creation = vm.readFileBinary(FILE);
        bytes32 name = keccak256(abi.encodePacked(bytes1(0xff), FACTORY, SALT, keccak256(creation)));
        address found = address(uint160(uint256(name)));
        if (found != PERMIT2) revert Permit2Lib_OtherCode(found, PERMIT2);

        // Run as code at its own address, the constructor answers with runtime code that knows this address and chain.
        vm.etch(PERMIT2, creation);
        (bool done, bytes memory runtime) = PERMIT2.call("");
        if (!done) revert Permit2Lib_ConstructorFailed(runtime);
        vm.etch(PERMIT2, runtime);
    }
}
