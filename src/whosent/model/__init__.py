"""The nouns of Whosent: frozen, typed, and known to everyone."""
