//! Jobs of one call whose outputs would touch another job's octets.

use arrayvec::ArrayVec;

use super::{Checked, LANES, fail, overlap};
use crate::base::Error;
use crate::engine::job::Job;

/// Refuses jobs whose output touches another job's input or output, and sorts the rest by output.
pub(super) fn refuse(jobs: &mut [Job], checked: &mut ArrayVec<Checked, LANES>) {
    if are_in_order(checked) {
        return;
    }
    checked.sort_unstable_by_key(|fields| fields.output.start);
    let mut end = 0;
    let disjoint = checked.iter().all(|fields| {
        let apart = fields.output.start >= end || fields.output.is_empty();
        end = end.max(fields.output.end);
        apart
    });
    let mut collides = [false; LANES];
    for reader in checked.iter() {
        // Sorted by start; when the outputs are disjoint, the first one that ends before this input ends the search.
        let before = checked.partition_point(|writer| writer.output.start < reader.input.end);
        let reach = checked[..before].iter().rev();
        for writer in reach.take_while(|writer| !disjoint || writer.output.end > reader.input.start)
        {
            if writer.index != reader.index && overlap(&writer.output, &reader.input) {
                collides[reader.index] = true;
                collides[writer.index] = true;
            }
        }
        for other in checked
            .iter()
            .filter(|other| !disjoint && other.index != reader.index)
        {
            collides[reader.index] |= overlap(&other.output, &reader.output);
        }
    }
    strike_out(jobs, checked, &collides);
}

/// True when no job can touch another's octets because of how they lie, as they mostly do: each job has a stretch of
/// its own, in the order of the jobs, or all inputs lie on one side of the outputs, which are in the order of the jobs.
fn are_in_order(checked: &[Checked]) -> bool {
    let (mut stretch, mut output, mut apart, mut in_order) = (0, 0, true, true);
    let (mut first, mut last) = (usize::MAX, 0); // of the inputs
    for fields in checked {
        let (input, out) = (&fields.input, &fields.output);
        apart &= input.start.min(out.start) >= stretch;
        stretch = stretch.max(input.end).max(out.end);
        in_order &= out.start >= output;
        output = out.end;
        first = first.min(input.start);
        last = last.max(input.end);
    }
    let outputs = checked.first().map_or(0, |fields| fields.output.start)..output;
    apart || (in_order && (last <= outputs.start || first >= outputs.end))
}

fn strike_out(jobs: &mut [Job], checked: &mut ArrayVec<Checked, LANES>, collides: &[bool; LANES]) {
    checked.retain(|fields| {
        let refused = collides[fields.index];
        if refused {
            fail(&mut jobs[fields.index], Error::Overlap);
        }
        !refused
    });
}
