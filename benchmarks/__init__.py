"""Measures this buffer and its peers, in one run and on one machine; never asserts a time."""
