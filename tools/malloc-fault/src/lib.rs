//! malloc failures on purpose: plan, retrying heap, interposer, sweep.
