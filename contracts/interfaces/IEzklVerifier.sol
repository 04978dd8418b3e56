// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title EZKL's `Halo2VerifierReusable`, as far as it is used here. Its source is generated at deployment.
interface IEzklVerifier {
    /// @notice Lets proofs be verified with a key, given as the words of its artifact. Open to everyone, so a registered
    ///         key is nobody's word for anything.
    function registerVka(bytes32[] memory vka) external returns (bytes32 digest);

    /// @notice Reverts on a wrong proof. Right ones are answered with a flag, the key's digest and packed numbers.
    /// @dev    Declared without its outputs, because they are no valid ABI and must be read raw, and as `view`, because
    ///         it writes nothing although its own source does not say so.
    function verifyProof(bytes calldata proof, uint256[] calldata instances, bytes32[] memory vka) external view;
}
