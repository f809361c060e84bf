"""From a description to a buffer: a mapping or a YAML file becomes a buffer with its storage and its layers.

``create`` builds (``create_buffer``, ``get_buffer_cls``, ``load_config``), ``catalog`` knows the names and
takes new ones, ``defaults`` tells what can be set. Pydantic and PyYAML are imported by the modules that
use them; below this floor nobody does.
"""
