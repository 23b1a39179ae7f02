"""Archives: a submission and all that its scores stand on, to be kept, cited and run again."""
