"""`restore-teeth`: redraw the mouths of a person sharply, in a video that any tool has made."""
