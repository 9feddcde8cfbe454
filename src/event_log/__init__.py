"""Reading events back: search, activity, statistics, catalogue (to come)."""
