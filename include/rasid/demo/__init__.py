"""The demo: a local news site and the command that runs the whole chain over it."""
