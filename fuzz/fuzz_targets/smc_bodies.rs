//! Bodies of the security mode procedure and the containers of a change of system: what is read, written and read
//! again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::nas::container::{IntraN1Container, S1ToN1Container};
use naslane::nas::{SecurityModeCommand, SecurityModeComplete, SecurityModeReject};

fuzz_target!(|data: &[u8]| {
    let mut out = vec![0; data.len() + 64];
    if let Ok(command) = SecurityModeCommand::decode(data) {
        let _ = command.check();
        if let Ok(len) = command.encode(&mut out) {
            assert_eq!(SecurityModeCommand::decode(&out[..len]), Ok(command));
        }
    }
    if let Ok((complete, place)) = SecurityModeComplete::locate(data) {
        assert_eq!(place.map(|place| &data[place]), complete.container);
        if let Ok((len, place)) = complete.encode(&mut out) {
            assert_eq!(
                SecurityModeComplete::locate(&out[..len]),
                Ok((complete, place))
            );
        }
    }
    if let Ok(reject) = SecurityModeReject::decode(data) {
        let len = reject.encode(&mut out).expect("four octets");
        assert_eq!(SecurityModeReject::decode(&out[..len]), Ok(reject));
    }
    if let Ok(container) = IntraN1Container::decode(data) {
        if let Ok(octets) = container.encode() {
            assert_eq!(IntraN1Container::decode(&octets), Ok(container));
        }
    }
    if let Ok(container) = S1ToN1Container::decode(data) {
        if let Ok(octets) = container.encode() {
            assert_eq!(S1ToN1Container::decode(&octets), Ok(container));
        }
    }
});
