"""Summaries: planning sections, writing and checking statements, and putting them together."""
