//! Tests of the rings: the model checker's, and what can be seen without it.

#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod random;
