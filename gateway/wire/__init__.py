"""Bytes to frames and back; HTTP as values. No protocol knowledge, no I/O."""
