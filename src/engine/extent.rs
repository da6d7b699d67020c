//! What of an arena belongs to a job.

use crate::base::{Error, Result};
use crate::security::protect::OVERHEAD;

use super::batch::{check, range};
use super::job::{Job, op};

/// The octets that a job needs when it is carried to another arena.
pub(crate) struct Extent {
    /// Where the input starts.
    pub(crate) source: u32,
    /// Its octets.
    pub(crate) input: usize,
    /// The output is apart from it, because it is a structure.
    pub(crate) apart: bool,
    /// Most octets of the output.
    pub(crate) output: usize,
}

impl Extent {
    /// Reads and checks the fields once.
    pub(crate) fn of(job: &Job, arena: usize) -> Result<Self> {
        let fields = match job.op {
            op::CONTAINER => None,
            op::PROTECT..=op::SMC_RESEND => Some(check(0, job, arena)?),
            _ => return Err(Error::Operation),
        };
        let (source, input, output) = match (job.op, fields) {
            (op::PROTECT, Some(at)) => (job.in_offset, at.input.len(), at.input.len() + OVERHEAD),
            (op::SMC_COMMAND, Some(at)) => (job.in_offset, at.input.len(), at.output.len()),
            (op::SMC_RESEND, Some(at)) => (0, 0, at.output.len()),
            (_, Some(at)) => (job.in_offset, at.input.len(), at.input.len()),
            (_, None) => {
                let place = range(job.out_offset, job.out_len, arena)?;
                (job.out_offset, place.len(), place.len())
            }
        };
        Ok(Self {
            source,
            input,
            apart: job.op == op::SMC_COMMAND,
            output,
        })
    }
}
