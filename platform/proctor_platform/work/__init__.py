"""Work: how a run or an evaluation is claimed, held, reported and ended, exactly once."""
