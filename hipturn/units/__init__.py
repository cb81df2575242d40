"""The units of a wearer: kit, set-up, shaking, checks at rest."""
