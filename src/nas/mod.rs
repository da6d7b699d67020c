//! nas
