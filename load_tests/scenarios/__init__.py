"""One file per scenario: what bots do, and what is measured meanwhile."""
