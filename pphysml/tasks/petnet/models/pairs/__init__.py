"""Candidate pairs, scored and matched one to one."""
