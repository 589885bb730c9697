"""The published table of personal methods, on generated users and a simulated person."""
