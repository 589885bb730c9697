"""Personal tasks: what would this user answer, given what the user answered before?"""
