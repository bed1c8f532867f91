"""pgveil: a PostgreSQL wire-protocol proxy that enforces identity-based masking.

The rooms, in the order in which a statement meets them: ``net`` (sockets), ``wire`` (frames), ``identity`` (who asks),
``session`` (the conversation), ``planner`` (what will be sent), ``policy`` and ``catalog`` (what the planner asks),
``audit`` and ``metrics`` (what is said afterwards). See the README for the walk of a statement and of a row.
"""
