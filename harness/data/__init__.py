"""Where rows come from: the Hub and its mirror, files of recorded responses, users' interactions with items."""
