"""The live screen of ``whosent top`` (Textual, an extra)."""
