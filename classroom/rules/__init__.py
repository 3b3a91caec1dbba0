"""Who may do what, and what may be said: pure functions and tables."""
