"""What is brought to the judge of optimistic claims: witnesses in the form that contracts/TraceDispute.sol reads."""
