//! Steps that many tests take.

use naslane::base::{AccessType, NgKsi, Result};
use naslane::procedure::smc::{Activation, Answer, Outcome, Request};

use crate::world::{Got, World};

pub(crate) const A: AccessType = AccessType::ThreeGpp;
pub(crate) const B: AccessType = AccessType::NonThreeGpp;

pub(crate) fn ksi(n: u8) -> NgKsi {
    NgKsi::native(n).unwrap()
}

pub(crate) fn partial() -> Request<'static> {
    Request::new(A, Activation::Partial)
}

/// One command to the UE and its answer back.
pub(crate) fn run(world: &mut World, request: &Request<'_>) -> Result<Option<Outcome>> {
    world.command(request)?;
    let (access, pdu) = world.down.pop_back().unwrap();
    let got = world.ue_gets(access, &pdu);
    assert!(matches!(got, Got::Answer(Answer::Complete(_))), "{got:?}");
    let (access, pdu) = world.up.pop_back().unwrap();
    Ok(world.amf_gets(access, &pdu).1)
}

/// Registered over 3GPP access with ngKSI 0.
pub(crate) fn registered() -> World {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    run(&mut world, &partial()).unwrap();
    world
}
