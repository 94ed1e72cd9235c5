"""From bars to signals: scores, gates that stop a signal, and the weights of those that pass."""
