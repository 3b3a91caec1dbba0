"""Other servers under the same load, measured by the same code: one file each."""
