"""What each kind of step does: settings in, a line about what was written out; a module for each command.

Each step imports its own pipeline: Polars and Altair cost 0.2 s and a second, and a step that does not use them should
not wait for them.
"""
