"""From the database to the workers: bells, boards, and a look for whatever was lost."""
