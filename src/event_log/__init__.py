"""Reading events back: search (activity, statistics and the catalogue are to come)."""
