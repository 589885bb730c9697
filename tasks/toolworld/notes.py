"""The messages that users have sent."""

THINGS = (
    "The projector",
    "The side door",
    "The blue binder",
    "The coffee machine",
    "Your parcel",
    "The spare key",
)
FACTS = (
    "is in the cellar",
    "has been repaired",
    "is wanted in the lobby",
    "can be fetched at noon",
    "will be replaced on Friday",
    "is with the porter",
)
NOTES = tuple(f"{thing} {fact}" for thing in THINGS for fact in FACTS)
