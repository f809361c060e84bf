"""Which slots to take."""
