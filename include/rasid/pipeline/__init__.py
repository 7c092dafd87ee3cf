"""The chain as plain functions: plan, poll, batch, fetch, read, tag, index, settle.

The stages are the modules of the same names; what travels between them is in `records`, where it
lies in `store` and `archive`, what is remembered in `ledger`.
"""
