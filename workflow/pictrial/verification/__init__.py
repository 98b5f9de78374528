"""Verification: a run held against what is expected of it, and the archive to repeat it from."""
