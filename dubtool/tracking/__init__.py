"""Pass 1: faces found and followed, who is who, what hides a mouth, and how a person moves; kept in a cache."""
