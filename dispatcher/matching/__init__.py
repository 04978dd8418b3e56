"""Who is offered what, and why not: `policy` decides, `matcher` acts, the desks keep what is said and offered."""
