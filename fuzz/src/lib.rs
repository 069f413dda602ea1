//! Fuzz targets as ordinary functions, and the corpus that is replayed on stable.

#![forbid(unsafe_code)]
