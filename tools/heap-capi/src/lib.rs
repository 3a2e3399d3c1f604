//! The C API of arena-core and tagheap.
