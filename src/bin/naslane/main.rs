//! The program naslane.
fn main() {}
