//! The security mode procedure between two real halves: transcripts, the rules of the known defects, and random
//! interleavings.

mod interleavings;
mod messages;
mod rules;
mod steps;
mod transcripts;
mod world;
