"""Fuzzing: every parser by itself, and the engine as a whole with people in it.

`python -m load_tests.fuzz --help`. The inputs are mutations of kept examples (tests/fuzz/corpus), made by a
seeded random source: a run can be repeated to the byte. What breaks a parser is put into the corpus, where
every later run meets it first.
"""
