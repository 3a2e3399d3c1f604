//! The suite tested: it passes sound allocators, and catches each fault of toys that
//! misbehave on purpose, inside a buffer of their own.

mod faults_of_arenas;
mod faults_of_heaps;
mod sound;
mod toys;
