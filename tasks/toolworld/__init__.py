"""A small office with bookings, messages and a database: our own world for agents."""
