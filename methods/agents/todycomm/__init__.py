"""TodyComm: credits learned from what agents say decide who is heard and whose vote counts; and its graphs
and vote under credits by chance and under the truth."""
