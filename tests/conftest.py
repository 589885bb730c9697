"""What all tests share."""

import hypothesis

# how long an example takes says something of the machine, nothing of the code
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")
