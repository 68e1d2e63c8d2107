"""Pictures; only these modules import matplotlib."""
