"""One unit's life on the air, and the words for what goes wrong there."""
