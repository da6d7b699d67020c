"""Stands where pycrate looks for its cipher library; the algorithms are naslane's."""
