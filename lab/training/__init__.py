"""Trains the network and the decoder that come with the program. See README.md."""

import os

# Idle threads of OpenMP wait without burning a processor that others want; before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
