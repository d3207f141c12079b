"""Random choices that can be had again: the seed is printed, and --seed takes it back."""

import random
import secrets


class Seeds:
    def __init__(self, seed=None):
        self.seed = secrets.randbits(32) if seed is None else seed

    def random(self, name):
        """A generator for one story: its choices depend on the seed and the story's name alone."""
        return random.Random(f"{self.seed}/{name}")
