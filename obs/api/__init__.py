"""HTTP on loopback: endpoints, streams and page, all over the pictures that the fold publishes."""
