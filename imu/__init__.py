"""From radios and files to clean, timed samples of strapped motion units."""
