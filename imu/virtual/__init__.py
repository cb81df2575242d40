"""A simulated wearer, the strapped units and their radio; its only source of truth is geometry."""
