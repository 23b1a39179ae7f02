"""Speaks the native protocols for a model that keeps the contract of another system.

It is mounted into the image, unmodified, and runs there in place of the image's own command, which
it starts itself. So it has the standard library alone, of any Python from 3.6 on, and no words of
later ones. What it asks was written by the host, and what is answered it leaves as it is: reading
answers is the decoder's.
"""
