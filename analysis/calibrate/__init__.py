"""From a stand, a start pose and knee bends to a leg that can be measured."""
