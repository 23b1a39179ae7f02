"""What an operator does with a platform's state: backup, restore, clearing out."""
