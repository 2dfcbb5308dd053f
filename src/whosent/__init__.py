"""Whosent answers: is my network sending spam, who sent it, and how do I make it stop."""
