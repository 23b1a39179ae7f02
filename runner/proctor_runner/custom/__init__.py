"""Has organizers' own metrics computed in a sandbox, and reads what they write with guards.

Whatever goes wrong in one is its organizer's failure, told with the end of its log: METRIC_FAILED.
"""
