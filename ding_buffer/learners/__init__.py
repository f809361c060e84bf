"""What trains from a buffer: the task loop and the middleware around it, with DI-engine's names.

Learner glue knows a buffer by its actions and by ``meta`` alone; it never asks which layers a buffer has.
"""
