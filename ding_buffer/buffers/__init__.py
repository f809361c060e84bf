"""The buffers, and what they write to disk."""
