"""One adapter a peer: the same works on each, as far as it has them. Runs in the peer's own environment."""
