//! A refinement checker for small functions, with errno in the state and the semantics of malloc as a parameter.
