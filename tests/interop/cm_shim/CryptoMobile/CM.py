"""The six functions that pycrate asks for, by naslane. EEA and EIA are the LTE names of NEA and NIA."""

import naslane


def _cipher(identity):
    return lambda key, count, bearer, direction, data: naslane.nea(identity, key, count, bearer, direction, data)


def _mac(identity):
    return lambda key, count, bearer, direction, data: naslane.nia(identity, key, count, bearer, direction, data)


EEA1, EEA2, EEA3 = (_cipher(identity) for identity in (1, 2, 3))
EIA1, EIA2, EIA3 = (_mac(identity) for identity in (1, 2, 3))
