"""Every setting, defined once: a struct for each command, in a module of its name.

YAML files are read by these definitions, flags and their help are made of them, and docs/settings.md is printed by
`babelmerge settings`.
"""
