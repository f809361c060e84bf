"""The hot loops, twice: in C and in numpy. ``chosen`` is the one that runs."""
