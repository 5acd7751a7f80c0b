"""`dub`: make the mouth in a video say a speech."""
