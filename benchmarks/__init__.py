"""What is measured: accuracy, counting, speed; each module is a command."""
