"""Where a model may come from besides this machine: an image registry, a git repository.

All of it happens on the participant's machine. The platform gets bytes by digest and never dials an
address that somebody else chose; credentials stay here.
"""
