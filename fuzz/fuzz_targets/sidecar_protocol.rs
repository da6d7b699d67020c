//! Any octets as messages of the sidecar's control protocol: read without a panic, and what reads writes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::sidecar::protocol::{Frame, HEADER, HandoverRequest, MAX_MESSAGE, Request, Response};

fn look(message: &[u8]) {
    let mut frame = Frame::new();
    if let Ok((number, request)) = Request::read(message) {
        request.write(number, &mut frame).expect("it fitted before");
        assert_eq!(frame.octets(), message, "{request:?}");
        if let Request::SmcCommand { command, .. } = request {
            let _ = command.with(|_| Ok(()));
        }
        if let Request::Handover(HandoverRequest::Prepare(_, preparation)) = request {
            let _ = preparation.with(|_| Ok(()));
        }
    }
    if let Ok((number, response)) = Response::read(message) {
        response
            .write(number, &mut frame)
            .expect("it fitted before");
        let (again, same) = Response::read(frame.octets()).expect("it was written");
        assert_eq!((again, same), (number, response));
    }
}

fuzz_target!(|octets: &[u8]| {
    look(octets);
    // The same with a length and reserved octets that fit, so that bodies are reached.
    let mut message = octets.to_vec();
    message.truncate(MAX_MESSAGE);
    if message.len() >= HEADER {
        let len = (message.len() as u32).to_le_bytes();
        message[..4].copy_from_slice(&len);
        message[6..8].fill(0);
        message[12..16].fill(0);
        look(&message);
    }
});
