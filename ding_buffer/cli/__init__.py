"""The command line: ``ding-buffer run CONFIG`` trains a double DQN as a YAML file describes it.

``main`` is where it begins, ``training`` wires the job together. torch, gymnasium, matplotlib and rich
are imported only once a run begins.
"""
