//! Events and snapshots of a heap as terminal maps, SVG, an HTML player and viewer formats.
