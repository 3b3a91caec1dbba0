"""The media plane: one packet engine, and the Python that steers it. Imports no sibling."""
