//! What fork does to a mapping, measured.
