"""The simulated world: restaurants, and orders that are a pure function of seed, place, date and time.

Nothing is stored. ``places`` says where and when, ``calendar`` how many orders a day has, ``plans`` what
happens to each order and when, ``content`` what is in it, ``changes`` what an event does to it, ``money``
what it costs, ``wire`` what Toast's API would say, and ``world`` answers questions with all of these.
"""
