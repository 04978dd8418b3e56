// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The cheatcodes of forge that these tests use, at the address where forge answers them.
/// @dev Ours, because forge's own library is not published where this project takes packages from. One signature per
/// cheatcode that is called; forge rejects a call to one that it does not know, so a wrong line here fails its test.
interface Vm {
    // ---- time and chain ------------------------------------------------------------------------------------------

    /// @notice Sets `block.timestamp`, in seconds.
    function warp(uint256 timestamp) external;

    /// @notice Sets `block.number`.
    function roll(uint256 number) external;

    function chainId(uint256 id) external;

    /// @notice Sets the base fee of the block, in wei.
    function fee(uint256 baseFee) external;

    /// @notice Remembers the whole state. @return id For `revertToState`.
    function snapshotState() external returns (uint256 id);

    function revertToState(uint256 id) external returns (bool done);

    // ---- accounts ------------------------------------------------------------------------------------------------

    /// @notice The next call comes from `sender`. A call in its arguments counts as the next one.
    function prank(address sender) external;

    function startPrank(address sender) external;

    function stopPrank() external;

    /// @notice Sets the balance, in wei.
    function deal(address account, uint256 balance) external;

    /// @notice Sets the runtime code.
    function etch(address account, bytes calldata code) external;

    function load(address account, bytes32 slot) external view returns (bytes32 word);

    function store(address account, bytes32 slot, bytes32 word) external;

    /// @notice Gives an address a name in traces.
    function label(address account, string calldata name) external;

    /// @notice The address of a private key.
    function addr(uint256 key) external pure returns (address account);

    function getNonce(address account) external view returns (uint64 nonce);

    /// @notice Where `creator` creates a contract when this is its nonce.
    function computeCreateAddress(address creator, uint256 nonce) external pure returns (address created);

    /// @notice Signs 32 bytes as they are: hash EIP-712 data first.
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    // ---- expectations --------------------------------------------------------------------------------------------

    /// @notice The next call reverts, whatever it says.
    function expectRevert() external;

    /// @notice The next call reverts with exactly these four bytes: an error without arguments.
    function expectRevert(bytes4 selector) external;

    /// @notice The next call reverts with exactly these bytes: `abi.encodeWithSelector(error, arguments)`.
    function expectRevert(bytes calldata reason) external;

    /// @notice The next call reverts with this error, whatever its arguments.
    function expectPartialRevert(bytes4 selector) external;

    /// @notice The next call emits the event that the test emits now; topics and data are compared.
    function expectEmit() external;

    /// @notice As above, and `emitter` emits it.
    function expectEmit(address emitter) external;

    /// @notice Throws these inputs away where the condition does not hold. A campaign gives up after too many.
    function assume(bool condition) external pure;

    // ---- gas and files -------------------------------------------------------------------------------------------

    /// @notice Records the gas of the last call under a name. @return gasUsed Without the transaction's 21,000.
    function snapshotGasLastCall(string calldata name) external returns (uint256 gasUsed);

    /// @notice From here on nothing costs gas.
    function pauseGasMetering() external;

    /// @notice A file's bytes. `fs_permissions` in foundry.toml says which files may be read.
    function readFileBinary(string calldata path) external view returns (bytes memory content);

    function toString(uint256 value) external pure returns (string memory text);

    function toString(address value) external pure returns (string memory text);

    function toString(bytes32 value) external pure returns (string memory text);
}
