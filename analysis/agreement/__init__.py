"""How well two measurements of one thing agree: statistics of accuracy and of repetition."""
