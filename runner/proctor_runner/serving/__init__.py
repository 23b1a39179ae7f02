"""A model in a sandbox, asked by a web server outside of it.

The server and its pages are ours and stand on the host; the model sits behind the same walls as in
an examination and speaks the `serve` protocol, question by question. Nothing in there has a port,
and what comes out is JSON and files that nobody opens.
"""
