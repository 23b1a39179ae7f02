"""Makes the file that a task declares of what a model with another system's contract answered.

What comes out is read like any model's file, so a rule for a kind of output is written once. The
file is in memory alone: this container has no room to write.
"""
