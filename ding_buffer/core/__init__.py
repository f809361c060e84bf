"""Ground floor: what an item is, what a layer is, what a buffer is."""
