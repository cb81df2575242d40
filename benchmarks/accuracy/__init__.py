"""How accurate the hip angle is on virtual wearers, beside other methods on the same data."""
