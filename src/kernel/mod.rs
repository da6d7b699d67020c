//! Primitives in lanes: AES-128, SNOW 3G, ZUC, carry-less products, SHA-256. The only SIMD room; it knows no 5G.
//!
//! Each primitive has a contract and a table of [`Backend`] rows, best first; the last row is the reference and
//! always available. A row has two verbs: `one` (a single lane) and `many` (any number of lanes, every lane with
//! its own key, IV and length). The table feeds dispatch, the equality tests, the benches, the self-test and
//! the README matrix.
