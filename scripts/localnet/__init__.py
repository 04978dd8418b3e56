"""A whole market on this machine: chain, contracts, dispatcher, executors, each a process of its own."""
