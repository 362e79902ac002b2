"""The networks run by torch: the reference that other backends are compared with, on CPU or GPU."""
