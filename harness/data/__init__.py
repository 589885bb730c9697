"""Where rows come from: the Hub and its mirror, files of recorded responses, interactions of users."""
