"""Pure data structures; they know nothing of items."""
