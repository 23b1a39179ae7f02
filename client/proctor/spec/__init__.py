"""The published language: what crosses an edge between two parts of Proctor.

Every other package may import this one; it imports none of ours. A model here is frozen, refuses
unknown fields, and is the single source of the JSON schemas and of the documentation pages.
"""
