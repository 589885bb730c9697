"""The page on which people answer what evaluations ask them (`harness human serve`)."""
