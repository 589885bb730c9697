"""The Berkeley Function-Calling Leaderboard, V4, graded by its own package."""
