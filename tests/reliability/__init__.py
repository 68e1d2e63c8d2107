"""Proofs that nothing is lost and nothing comes twice.

A short form is part of the default tests; ``python -m tests.reliability`` runs the full matrix.
"""
