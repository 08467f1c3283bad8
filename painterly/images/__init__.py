"""Picture files ↔ arrays: decoding, encoding, colour, sizes, metadata."""
