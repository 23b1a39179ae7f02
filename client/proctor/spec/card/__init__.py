"""What a model says of itself in ``model.json``, and what is found out about it by looking.

Each module is one section of the card. The whole card is ``proctor.spec.model``.
"""
