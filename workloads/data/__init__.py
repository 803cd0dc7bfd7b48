"""Data on disk: found, fetched, checked, decoded once. No torch, no models."""
