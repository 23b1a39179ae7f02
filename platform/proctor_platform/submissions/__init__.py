"""Submissions: entering a phase, who sees what of them, cancelling, running again."""
