"""The two systems that tests/bench/membership sets side by side, behind one face (systems.py), and what is measured of each."""
