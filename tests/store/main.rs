//! The store: the lease protocol under random schedules, and one conformance suite for every implementation.
#![allow(clippy::print_stdout)] // seeds, and what was counted
#![allow(unreachable_pub)] // the parts of one test program

#[cfg(any(feature = "embedded", feature = "etcd"))]
mod conformance;
mod model;

#[cfg(feature = "etcd")]
#[path = "../common/cluster.rs"]
#[allow(dead_code)] // parts that only sets of daemons need
mod cluster;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "embedded")]
mod keeper;
#[cfg(all(feature = "embedded", feature = "survive"))]
mod leases;
#[cfg(feature = "etcd")]
#[path = "../common/ports.rs"]
mod ports;

#[cfg(all(feature = "embedded", feature = "survive"))]
#[path = "../common/mod.rs"]
mod common;
