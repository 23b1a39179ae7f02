"""One module a page; each has ``draw``."""
