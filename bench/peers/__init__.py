"""Other systems that take the same bytes, on the same machine in the same run: to know what is fast here."""
