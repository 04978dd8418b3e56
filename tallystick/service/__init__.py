"""What every long-running program needs, whatever it is for: a home folder, patience, threads, a voice."""
