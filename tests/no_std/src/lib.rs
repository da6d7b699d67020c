//! A static library without the standard library. It brings its own panic handler; were `std` linked through naslane
//! or a crate below it, there would be two and this would not compile.
#![no_std]

use naslane as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
