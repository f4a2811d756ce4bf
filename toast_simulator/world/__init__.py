"""The simulated world: restaurants whose orders, cash and labor are pure functions of seed, place, date and time.

Nothing is stored. ``places`` says where and when, ``calendar`` how many orders a day has, ``plans`` what
happens to each order and when, ``content`` what is in it, ``changes`` what an event does to it, ``money``
what it costs, ``wire`` what Toast's API would say, and ``world`` answers questions with all of these.
For time entries the same is done by ``roster``, ``time_plans``, ``time_entries``, ``labor_wire`` and ``labor``;
for cash by ``cash`` and ``cash_wire``. ``edited`` keeps what tests add to plans.

The configuration has its own modules: the ``maker`` and ``..._inventory`` ones say what there is in the beginning,
``lives`` what becomes of it at which publish, ``alterations`` how it looks then, ``configuration`` what is published
at a moment, ``menu_tree`` what of it the menus show, ``config_wire`` and ``menus_wire`` what Toast's API would say.
"""
