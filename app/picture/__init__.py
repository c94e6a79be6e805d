"""The frame and the people over it: drawing, picking, and the mouse gestures of correction."""
