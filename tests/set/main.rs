#![allow(unreachable_pub)] // the parts of one test program
//! A set of daemons that share a store: sessions move, lost daemons are succeeded, and no COUNT is used twice.
#![cfg(all(
    feature = "cli",
    feature = "etcd",
    feature = "embedded",
    target_os = "linux"
))]

#[path = "../common/mod.rs"]
mod common;

#[path = "../common/cluster.rs"]
mod cluster;
#[path = "../common/ports.rs"]
mod ports;
#[path = "../sidecar/world.rs"]
#[allow(dead_code)] // parts that only tests of one daemon need
mod world;

mod hardened;
mod host;
mod hosted;
mod lagging;
mod lost;
mod moves;
mod node;
mod secure;
mod slices;
mod users;
