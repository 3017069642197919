"""A program that calls PAM with answers from a script, and what starts it."""
