"""Token shards of finished outputs, and the formats that they have: written by retokenize, read by join and peek."""
