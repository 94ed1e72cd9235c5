"""The trading core that `obs` watches; it only logs and never imports its observer."""
