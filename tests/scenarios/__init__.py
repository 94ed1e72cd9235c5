"""Planted troubles told as event streams: what the sidecar must say of each."""
