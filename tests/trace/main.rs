//! `naslane trace`: real captures against their expectations, and every row of the failure table in a capture that the
//! test builds.
#![cfg(feature = "cli")]

mod captures;
mod failures;
mod hostile;
mod mistakes;
mod pages;
mod run;
mod wire;
mod world;
