"""Where a message really entered: its Received lines, the trust boundary, signs of forgery (pure)."""
