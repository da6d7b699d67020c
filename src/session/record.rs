//! placeholder
pub struct Record;
pub struct Extent;
