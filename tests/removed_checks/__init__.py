"""Shows that each security check is missed by a test when it is gone."""
