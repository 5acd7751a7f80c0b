"""The networks at work, one file each: dubbing generators, restorers and animators."""
