"""From timed orientations to hip angles, repetitions, holds and tables."""
