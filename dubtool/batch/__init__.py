"""`batch`: many jobs from one list, on several workers, going on where an interrupted run left off."""
