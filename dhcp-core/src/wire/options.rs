//! Which options are there, and how are they found in a field?
