"""The glue to outside libraries, one file for each; importing it imports none of them."""
