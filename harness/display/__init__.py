"""How results look to people: rows of tables, on a terminal or as HTML in a notebook."""
