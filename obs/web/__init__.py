"""The live page: what it shows (`model`, a pure view of the Snapshot), what a browser loads (`static/`)."""
