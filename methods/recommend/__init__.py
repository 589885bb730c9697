"""Recommenders: neighbourhoods, linear models, factors and graphs, behind one interface."""
