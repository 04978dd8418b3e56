"""What the dispatcher remembers: facts read from the chain, and its own announcements and offers.

The facts can be read again at any time; only announcements and offers exist nowhere else, and both are short-lived.
"""
